import { join } from "node:path";

import { createBare, git } from "./bare.ts";
import { now, type TwinPullRequest, type TwinRepository, type World } from "./world.ts";

/** Somebody's own copy of a repository: with everything that its branches hold, and without our App. */
export async function forkRepository(
  world: World,
  parent: TwinRepository,
  { root, login }: { readonly root: string; readonly login: string },
): Promise<TwinRepository> {
  const fullName = `${login}/${parent.name}`;
  const known = world.repositories.get(fullName);
  if (known !== undefined) return known;
  const directory = join(root, `${fullName}.git`);
  await createBare(directory, parent.defaultBranch);
  await git(directory, ["fetch", "--quiet", parent.directory, "+refs/heads/*:refs/heads/*"]);
  const at = now();
  const fork: TwinRepository = {
    ...parent,
    id: world.id(),
    owner: world.user(login),
    fullName,
    directory,
    installation: NOT_INSTALLED,
    parent,
    roles: new Map([[login, "admin"]]),
    pulls: new Map(),
    issues: new Map(),
    comments: new Map(),
    checks: [],
    deployments: [],
    createdAt: at,
    pushedAt: at,
    next: 1,
  };
  world.repositories.set(fullName, fork);
  return fork;
}

/** Installation of a repository in which our App is not. */
export const NOT_INSTALLED = 0;

/** Open pull requests whose head is a branch of a repository, each with the repository that it was opened in. */
export function pullsFrom(
  world: World,
  from: TwinRepository,
  branch: string,
): readonly (readonly [TwinRepository, TwinPullRequest])[] {
  return [...world.repositories.values()].flatMap((home) =>
    [...home.pulls.values()]
      .filter((pull) => pull.state === "open" && pull.from === from && pull.branch === branch)
      .map((pull) => [home, pull] as const),
  );
}

/** Shows a head as `refs/pull/<number>/head`, in the repository that the pull request was opened in. */
export async function showHead(
  { directory }: TwinRepository,
  { from, branch, number, head }: Pick<TwinPullRequest, "from" | "branch" | "number" | "head">,
): Promise<void> {
  if (from.directory !== directory) await git(directory, ["fetch", "--quiet", from.directory, `refs/heads/${branch}`]);
  await git(directory, ["update-ref", `refs/pull/${number}/head`, head]);
}
