import { pullShape } from "../shapes/pull.ts";
import type { TwinPullRequest } from "../world.ts";
import { inRepository, loginOf, ok, paged, repo, text, withPull, type Here, type Reply, type Route } from "./call.ts";

/** Pull requests, read and merged. */
export const PULLS: readonly Route[] = [
  ["GET", repo("/pulls"), inRepository(listPulls)],
  ["GET", repo("/pulls/(\\d+)"), inRepository(withPull((here, pull) => ok(pullOf(here, pull))))],
  ["PUT", repo("/pulls/(\\d+)/merge"), inRepository(withPull(mergePull))],
  ["GET", repo("/commits/([0-9a-f]+)/pulls"), inRepository(pullsOfCommit)],
];

function pullOf({ repository, forge }: Here, pull: TwinPullRequest): Record<string, unknown> {
  return pullShape(repository, pull, forge.at);
}

function listPulls(here: Here): Reply {
  const state = here.call.query.get("state") ?? "open";
  const found = [...here.repository.pulls.values()].filter((pull) => state === "all" || pull.state === state);
  return ok(paged(here, found).map((pull) => pullOf(here, pull)));
}

function pullsOfCommit(here: Here, [sha]: readonly string[]): Reply {
  const found = [...here.repository.pulls.values()].filter((pull) => pull.head === sha || pull.mergeCommit === sha);
  return ok(paged(here, found).map((pull) => pullOf(here, pull)));
}

async function mergePull(here: Here, pull: TwinPullRequest): Promise<Reply> {
  const { body } = here.call;
  const sha = text(body, "sha");
  if (sha !== "" && sha !== pull.head)
    return ok({ message: "Head branch was modified. Review and try the merge again." }, 409);
  const commit = await here.forge.merge(here.repository, pull, {
    login: loginOf(here),
    method: (text(body, "merge_method") || "merge") as "merge",
  });
  return commit === null
    ? ok({ message: "Pull Request is not mergeable" }, 405)
    : ok({ sha: commit, merged: true, message: "merged" });
}
