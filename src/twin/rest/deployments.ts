import { refsOf } from "../bare.ts";
import { deploymentShape, deploymentStatusShape } from "../shapes/deployment.ts";
import { now, type TwinDeployment } from "../world.ts";
import {
  FORBIDDEN,
  inRepository,
  NOT_FOUND,
  ok,
  paged,
  repo,
  text,
  type Here,
  type Reply,
  type Route,
} from "./call.ts";

/** Deployments to environments, and what they were set to. */
export const DEPLOYMENTS: readonly Route[] = [
  ["GET", repo("/deployments"), inRepository(list)],
  ["POST", repo("/deployments"), inRepository(create)],
  ["GET", repo("/deployments/(\\d+)/statuses"), inRepository(withDeployment(statuses))],
  ["POST", repo("/deployments/(\\d+)/statuses"), inRepository(withDeployment(setStatus))],
];

function list(here: Here): Reply {
  const { query } = here.call;
  const asked = (["environment", "ref", "task"] as const).map((name) => [name, query.get(name)] as const);
  const found = here.repository.deployments
    .filter((one) => asked.every(([name, value]) => value === null || one[name] === value))
    .toReversed();
  return ok(paged(here, found).map((one) => deploymentShape(one, here.repository, here.forge.at)));
}

async function create({ who, repository, forge, call }: Here): Promise<Reply> {
  if (who.kind !== "token") return FORBIDDEN;
  const ref = text(call.body, "ref");
  const branch = (await refsOf(repository.directory)).get(`refs/heads/${ref}`);
  if (branch === undefined && !/^[0-9a-f]{40}$/.test(ref)) return ok({ message: `No ref found for: ${ref}` }, 422);
  const made: TwinDeployment = {
    id: forge.world.id(),
    ref,
    sha: branch ?? ref,
    task: text(call.body, "task") || "deploy",
    environment: text(call.body, "environment") || "production",
    description: text(call.body, "description"),
    creator: who.user,
    at: now(),
    statuses: [],
  };
  repository.deployments.push(made);
  return ok(deploymentShape(made, repository, forge.at), 201);
}

function withDeployment(answer: (here: Here, one: TwinDeployment) => Reply) {
  return (here: Here, [id = ""]: readonly string[]): Reply => {
    const one = here.repository.deployments.find((known) => known.id === Number(id));
    return one === undefined ? NOT_FOUND : answer(here, one);
  };
}

function statuses(here: Here, one: TwinDeployment): Reply {
  const { repository, forge } = here;
  const shapes = one.statuses
    .toReversed()
    .map((status) => deploymentStatusShape(one, { status, repository }, forge.at));
  return ok(paged(here, shapes));
}

function setStatus({ repository, forge, call }: Here, one: TwinDeployment): Reply {
  const status = {
    id: forge.world.id(),
    state: text(call.body, "state"),
    description: text(call.body, "description"),
    at: now(),
  };
  one.statuses.push(status);
  return ok(deploymentStatusShape(one, { status, repository }, forge.at), 201);
}
