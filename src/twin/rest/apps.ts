import { repositoryShape, userShape } from "../api-shapes.ts";
import type { TwinForge } from "../forge.ts";
import { FORBIDDEN, ok, paged, type At, type Reply, type Route } from "./call.ts";

/** What an App and its installations ask about themselves. */
export const APPS: readonly Route[] = [
  ["GET", /^\/app\/installations$/, (at) => (at.who.kind === "app" ? ok(installations(at.forge)) : FORBIDDEN)],
  ["POST", /^\/app\/installations\/(\d+)\/access_tokens$/, accessToken],
  ["GET", /^\/installation\/repositories$/, installationRepositories],
];

function installations(forge: TwinForge): readonly unknown[] {
  const owners = new Map([...forge.world.repositories.values()].map(({ owner }) => [owner.id, owner]));
  return [...owners.values()].map((owner) => ({
    id: owner.id,
    account: userShape(owner, forge.base),
    app_id: forge.options.appId,
    suspended_at: null,
  }));
}

function accessToken({ forge, who }: At, [id = ""]: readonly string[]): Reply {
  if (who.kind !== "app") return FORBIDDEN;
  const token = forge.world.token(forge.appUser, Number(id));
  return ok({ token, expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions: {} }, 201);
}

function installationRepositories(at: At): Reply {
  const { forge, who } = at;
  if (who.kind !== "token" || who.installation === null) return FORBIDDEN;
  const mine = [...forge.world.repositories.values()].filter(({ installation }) => installation === who.installation);
  const shapes = paged(at, mine).map((one) => repositoryShape(one, forge.base, forge.host));
  return ok({ total_count: mine.length, repositories: shapes });
}
