import type { TwinPullRequest, TwinRepository } from "../world.ts";
import { labelShape } from "./label.ts";
import { repositoryShape } from "./repository.ts";
import { node, userShape, type Addresses } from "./user.ts";

/** A pull request as GitHub's REST API and webhooks give it. */
export function pullShape(repository: TwinRepository, pull: TwinPullRequest, at: Addresses): Record<string, unknown> {
  const api = `${at.base}/repos/${repository.fullName}`;
  const page = `${at.host}/${repository.fullName}/pull/${pull.number}`;
  const side = (repo: TwinRepository, ref: string, sha: string): Record<string, unknown> => ({
    label: `${repo.owner.login}:${ref}`,
    ref,
    sha,
    user: userShape(repo.owner, at),
    repo: repositoryShape(repo, at),
  });
  const urls = {
    url: `${api}/pulls/${pull.number}`,
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    issue_url: `${api}/issues/${pull.number}`,
    commits_url: `${api}/pulls/${pull.number}/commits`,
    comments_url: `${api}/issues/${pull.number}/comments`,
    review_comments_url: `${api}/pulls/${pull.number}/comments`,
    review_comment_url: `${api}/pulls/comments{/number}`,
    statuses_url: `${api}/statuses/${pull.head}`,
  };
  return {
    id: pull.id,
    node_id: node("PR", pull.id),
    number: pull.number,
    ...urls,
    state: pull.state,
    locked: false,
    active_lock_reason: null,
    title: pull.title,
    body: pull.body,
    user: userShape(pull.user, at),
    author_association: pull.from === repository ? "MEMBER" : "NONE",
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.state === "closed" ? pull.updatedAt : null,
    merged_at: pull.mergedAt,
    merged_by: pull.mergedBy === null ? null : userShape(pull.mergedBy, at),
    merge_commit_sha: pull.mergeCommit,
    merged: pull.merged,
    mergeable: pull.state === "open" ? true : null,
    rebaseable: pull.state === "open" ? true : null,
    mergeable_state: pull.draft ? "draft" : pull.state === "open" ? "clean" : "unknown",
    maintainer_can_modify: false,
    draft: pull.draft,
    auto_merge: null,
    milestone: null,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: pull.labels.map((name) => labelShape(name, repository, at)),
    head: side(pull.from, pull.branch, pull.head),
    base: side(repository, pull.base, pull.baseSha),
    comments: (repository.comments.get(pull.number) ?? []).length,
    review_comments: 0,
    commits: pull.size.commits,
    additions: pull.size.additions,
    deletions: pull.size.deletions,
    changed_files: pull.size.files,
    _links: linksOf(urls),
  };
}

/** The shorter form that lists and some deliveries have. */
export function simplePullShape(
  repository: TwinRepository,
  pull: TwinPullRequest,
  at: Addresses,
): Record<string, unknown> {
  const whole = pullShape(repository, pull, at);
  return Object.fromEntries(Object.entries(whole).filter(([name]) => !ONLY_WHOLE.has(name)));
}

const ONLY_WHOLE: ReadonlySet<string> = new Set([
  "merged",
  "mergeable",
  "rebaseable",
  "mergeable_state",
  "merged_by",
  "comments",
  "review_comments",
  "maintainer_can_modify",
  "commits",
  "additions",
  "deletions",
  "changed_files",
]);

function linksOf(urls: Readonly<Record<string, string>>): Record<string, unknown> {
  const link = (name: string): Record<string, unknown> => ({ href: urls[name] });
  return {
    self: link("url"),
    html: link("html_url"),
    issue: link("issue_url"),
    comments: link("comments_url"),
    review_comments: link("review_comments_url"),
    review_comment: link("review_comment_url"),
    commits: link("commits_url"),
    statuses: link("statuses_url"),
  };
}
