import type { TwinForge } from "../forge.ts";
import { NOT_INSTALLED } from "../fork.ts";
import { appShape, installationShape, PERMISSIONS } from "../shapes/app.ts";
import { repositoryShape } from "../shapes/repository.ts";
import { FORBIDDEN, NOT_FOUND, ok, paged, type At, type Reply, type Route } from "./call.ts";

/** What an App and its installations ask about themselves. */
export const APPS: readonly Route[] = [
  ["GET", /^\/app$/, ({ forge, who }) => (who.kind === "app" ? ok(appShape(forge.at)) : FORBIDDEN)],
  [
    "GET",
    /^\/app\/installations$/,
    (at) => (at.who.kind === "app" ? ok(paged(at, installations(at.forge))) : FORBIDDEN),
  ],
  ["POST", /^\/app\/installations\/(\d+)\/access_tokens$/, accessToken],
  ["GET", /^\/installation\/repositories$/, installationRepositories],
];

function installations(forge: TwinForge): readonly unknown[] {
  const installed = [...forge.world.repositories.values()].filter(({ installation }) => installation !== NOT_INSTALLED);
  const owners = new Map(installed.map(({ owner }) => [owner.id, owner]));
  const there = [...owners.values()].filter(({ id }) => !forge.world.uninstalled.has(id));
  return there.map((owner) => installationShape(owner, forge.at));
}

function accessToken({ forge, who }: At, [id = ""]: readonly string[]): Reply {
  if (who.kind !== "app") return FORBIDDEN;
  if (forge.world.uninstalled.has(Number(id))) return NOT_FOUND;
  const token = forge.world.token(forge.appUser, Number(id));
  return ok({ token, expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions: PERMISSIONS }, 201);
}

function installationRepositories(at: At): Reply {
  const { forge, who } = at;
  if (who.kind !== "token" || who.installation === null) return FORBIDDEN;
  const mine = [...forge.world.repositories.values()].filter(({ installation }) => installation === who.installation);
  const shapes = paged(at, mine).map((one) => repositoryShape(one, forge.at));
  return ok({ total_count: mine.length, repositories: shapes });
}
