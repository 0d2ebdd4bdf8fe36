import { emailOf, refsOf } from "../bare.ts";
import { commitsBetween, type ListedCommit } from "../history.ts";
import { commitShape } from "../shapes/commit.ts";
import { pullShape } from "../shapes/pull.ts";
import { reviewShape } from "../shapes/review.ts";
import type { TwinPullRequest } from "../world.ts";
import {
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

/** Pull requests, read and merged. */
export const PULLS: readonly Route[] = [
  ["GET", repo("/pulls"), inRepository(listPulls)],
  ["POST", repo("/pulls"), inRepository(createPull)],
  ["GET", repo("/pulls/(\\d+)"), inRepository(withPull((here, pull) => ok(pullOf(here, pull))))],
  ["PATCH", repo("/pulls/(\\d+)"), inRepository(withPull(updatePull))],
  ["GET", repo("/pulls/(\\d+)/reviews"), inRepository(withPull(listReviews))],
  ["GET", repo("/pulls/(\\d+)/commits"), inRepository(withPull(listCommits))],
  ["PUT", repo("/pulls/(\\d+)/merge"), inRepository(withPull(mergePull))],
  ["GET", repo("/commits/([0-9a-f]{40})"), inRepository(oneCommit)],
  ["GET", repo("/commits/([0-9a-f]+)/pulls"), inRepository(pullsOfCommit)],
];

function pullOf({ repository, forge }: Here, pull: TwinPullRequest): Record<string, unknown> {
  return pullShape(repository, pull, forge.at);
}

function listPulls(here: Here): Reply {
  const state = here.call.query.get("state") ?? "open";
  const label = here.call.query.get("head");
  const found = [...here.repository.pulls.values()].filter(
    (pull) =>
      (state === "all" || pull.state === state) &&
      (label === null || label === `${pull.from.owner.login}:${pull.branch}`),
  );
  if (here.call.query.get("sort") === "updated")
    found.sort((a, b) => Date.parse(a.updatedAt) - Date.parse(b.updatedAt));
  if (here.call.query.get("direction") === "desc") found.reverse();
  return ok(paged(here, found).map((pull) => pullOf(here, pull)));
}

async function createPull(here: Here): Promise<Reply> {
  const { repository, forge, call } = here;
  const [branch = "", owner = repository.owner.login] = text(call.body, "head").split(":").reverse();
  const from = [repository, ...forge.world.repositories.values()].find(
    (one) => one.owner.login === owner && (one === repository || one.parent === repository),
  );
  const refs = await refsOf(repository.directory);
  const heads = from === undefined ? new Map<string, string>() : await refsOf(from.directory);
  const twice = [...repository.pulls.values()].some(
    (one) => one.state === "open" && one.from === from && one.branch === branch,
  );
  if (
    from === undefined ||
    twice ||
    !heads.has(`refs/heads/${branch}`) ||
    !refs.has(`refs/heads/${text(call.body, "base")}`)
  )
    return ok(
      { message: "Validation Failed", errors: [{ resource: "PullRequest", code: "invalid", field: "head" }] },
      422,
    );
  const pull = await forge.openPull(repository, {
    from,
    branch,
    title: text(call.body, "title"),
    body: text(call.body, "body"),
    base: text(call.body, "base"),
    login: loginOf(here),
  });
  return ok(pullOf(here, pull), 201);
}

function updatePull(here: Here, pull: TwinPullRequest): Reply {
  const { body } = here.call;
  if (typeof body["title"] === "string") pull.title = body["title"];
  if (typeof body["body"] === "string") pull.body = body["body"];
  if (typeof body["base"] === "string") pull.base = body["base"];
  if (body["state"] === "closed" && pull.state === "open") here.forge.closePull(here.repository, pull, loginOf(here));
  return ok(pullOf(here, pull));
}

function listReviews(here: Here, pull: TwinPullRequest): Reply {
  const { repository, forge } = here;
  return ok(paged(here, pull.reviews).map((review) => reviewShape(review, { repository, pull }, forge.at)));
}

async function listCommits(here: Here, pull: TwinPullRequest): Promise<Reply> {
  const commits = await commitsBetween(here.repository, { base: pull.baseSha, head: pull.head });
  return ok(paged(here, commits).map((commit) => shown(here, commit)));
}

async function oneCommit(here: Here, [sha = ""]: readonly string[]): Promise<Reply> {
  const [commit] = await commitsBetween(here.repository, { base: `${sha}^@`, head: sha });
  return commit === undefined ? NOT_FOUND : ok(shown(here, commit));
}

function shown({ repository, forge }: Here, commit: ListedCommit): Record<string, unknown> {
  const accounts = new Map([...forge.world.users.values()].map((user) => [emailOf(user.login), user]));
  return commitShape(commit, { repository, accounts }, forge.at);
}

function pullsOfCommit(here: Here, [sha]: readonly string[]): Reply {
  const { repository } = here;
  // A commit of a fork is not asked about here: only what it was merged as is.
  const found = [...repository.pulls.values()].filter(
    (pull) => (pull.head === sha && pull.from === repository) || pull.mergeCommit === sha,
  );
  return ok(paged(here, found).map((pull) => pullOf(here, pull)));
}

async function mergePull(here: Here, pull: TwinPullRequest): Promise<Reply> {
  const { body } = here.call;
  const sha = text(body, "sha");
  if (sha !== "" && sha !== pull.head)
    return ok({ message: "Head branch was modified. Review and try the merge again." }, 409);
  if (here.forge.queues.has(here.repository.id))
    return ok({ message: "Repository rule violations found\n\nChanges must be made through the merge queue" }, 405);
  const commit = await here.forge.merge(here.repository, pull, {
    login: loginOf(here),
    method: (text(body, "merge_method") || "merge") as "merge",
  });
  return commit === null
    ? ok({ message: "Pull Request is not mergeable" }, 405)
    : ok({ sha: commit, merged: true, message: "merged" });
}
