import { issueShape, labelShape } from "../api-shapes.ts";
import type { TwinPullRequest } from "../world.ts";
import {
  FORBIDDEN,
  inRepository,
  loginOf,
  NOT_FOUND,
  ok,
  paged,
  repo,
  text,
  withPull,
  type Here,
  type Reply,
  type Route,
} from "./call.ts";

/** Issues, and the labels of pull requests. */
export const ISSUES: readonly Route[] = [
  ["GET", repo("/issues"), inRepository(listIssues)],
  ["POST", repo("/issues"), inRepository(createIssue)],
  ["PATCH", repo("/issues/(\\d+)"), inRepository(updateIssue)],
  ["POST", repo("/issues/(\\d+)/labels"), inRepository(withPull(addLabels))],
  ["DELETE", repo("/issues/(\\d+)/labels/(.+)"), inRepository(withPull(removeLabel))],
];

function listIssues(here: Here): Reply {
  const { repository, forge } = here;
  const open = [...repository.issues.values()].filter((issue) => issue.state === "open");
  return ok(paged(here, open).map((issue) => issueShape(issue, { base: forge.base, repository })));
}

function createIssue(here: Here): Reply {
  const { who, repository, forge, call } = here;
  if (who.kind !== "token") return FORBIDDEN;
  const number = repository.next++;
  const app = who.installation === null ? null : forge.options.appId;
  const issue = {
    number,
    id: forge.world.id(),
    title: text(call.body, "title"),
    body: text(call.body, "body"),
    user: who.user,
    app,
    state: "open" as const,
    labels: [],
  };
  repository.issues.set(number, issue);
  return ok(issueShape(issue, { base: forge.base, repository }), 201);
}

function updateIssue({ repository, forge, call }: Here, [number = ""]: readonly string[]): Reply {
  const issue = repository.issues.get(Number(number));
  if (issue === undefined) return NOT_FOUND;
  if (call.body["state"] === "closed" || call.body["state"] === "open") issue.state = call.body["state"];
  return ok(issueShape(issue, { base: forge.base, repository }));
}

function addLabels(here: Here, pull: TwinPullRequest): Reply {
  const names = Array.isArray(here.call.body["labels"]) ? here.call.body["labels"].map(String) : [];
  for (const name of names) here.forge.label(here.repository, pull, { name, add: true, login: loginOf(here) });
  return ok(pull.labels.map((name) => labelShape(name)));
}

function removeLabel(here: Here, pull: TwinPullRequest, [name = ""]: readonly string[]): Reply {
  if (!pull.labels.includes(name)) return NOT_FOUND;
  here.forge.label(here.repository, pull, { name, add: false, login: loginOf(here) });
  return ok(pull.labels.map((one) => labelShape(one)));
}
