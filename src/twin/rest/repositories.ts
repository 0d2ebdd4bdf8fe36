import { repositoryShape } from "../shapes/repository.ts";
import { accountShape, userShape } from "../shapes/user.ts";
import { inRepository, NOT_FOUND, ok, repo, type At, type Here, type Reply, type Route } from "./call.ts";

/** Repositories, who people are, and what they may do in them. */
export const REPOSITORIES: readonly Route[] = [
  ["GET", repo(""), inRepository((here) => ok(repositoryShape(here.repository, here.forge.at)))],
  ["GET", repo("/collaborators/([^/]+)/permission"), inRepository(permission)],
  ["GET", /^\/user\/(\d+)$/, account],
  ["GET", /^\/orgs\/([^/]+)\/teams\/([^/]+)\/memberships\/([^/]+)$/, membership],
];

function permission({ repository, forge }: Here, [login = ""]: readonly string[]): Reply {
  const role = repository.roles.get(login) ?? "read";
  const coarse = role === "maintain" ? "write" : role === "triage" ? "read" : role;
  return ok({
    permission: coarse,
    role_name: role,
    user: { ...userShape(forge.world.user(login), forge.at), role_name: role },
  });
}

function account({ forge }: At, [id = ""]: readonly string[]): Reply {
  const user = [...forge.world.users.values()].find((one) => one.id === Number(id));
  return user === undefined ? NOT_FOUND : ok(accountShape(user, forge.at));
}

function membership({ forge, call }: At, [org = "", slug = "", login = ""]: readonly string[]): Reply {
  const members = forge.world.teams.get(`${org}/${slug}`);
  return members?.has(login) === true
    ? ok({ url: `${forge.base}${call.path}`, role: "member", state: "active" })
    : NOT_FOUND;
}
