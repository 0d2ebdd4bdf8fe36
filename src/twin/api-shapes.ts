import type { TwinCheck, TwinComment, TwinIssue, TwinPullRequest, TwinRepository, User } from "./world.ts";

/** Values as GitHub's REST API and webhooks give them; `base` is the address of the API. */
export function userShape(user: User, base: string): Record<string, unknown> {
  const url = `${base}/users/${encodeURIComponent(user.login)}`;
  return {
    login: user.login,
    id: user.id,
    node_id: node("U", user.id),
    avatar_url: "",
    gravatar_id: "",
    url,
    html_url: url,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: user.type,
    site_admin: false,
  };
}

export function node(kind: string, id: number): string {
  return Buffer.from(`${kind}:${id}`).toString("base64url");
}

export function repositoryShape(repository: TwinRepository, base: string, host: string): Record<string, unknown> {
  const url = `${base}/repos/${repository.fullName}`;
  return {
    id: repository.id,
    node_id: node("R", repository.id),
    name: repository.name,
    full_name: repository.fullName,
    private: false,
    owner: userShape(repository.owner, base),
    html_url: `${host}/${repository.fullName}`,
    description: null,
    fork: false,
    url,
    clone_url: `${host}/${repository.fullName}.git`,
    git_url: `${host}/${repository.fullName}.git`,
    default_branch: repository.defaultBranch,
    visibility: "public",
    archived: false,
    disabled: false,
    topics: [],
    has_issues: true,
    has_discussions: false,
  };
}

export function pullShape(
  repository: TwinRepository,
  pull: TwinPullRequest,
  { base, host }: { readonly base: string; readonly host: string },
): Record<string, unknown> {
  const repo = repositoryShape(repository, base, host);
  const side = (ref: string, sha: string): Record<string, unknown> => ({
    label: `${repository.owner.login}:${ref}`,
    ref,
    sha,
    user: userShape(repository.owner, base),
    repo,
  });
  return {
    id: pull.id,
    node_id: node("PR", pull.id),
    number: pull.number,
    url: `${base}/repos/${repository.fullName}/pulls/${pull.number}`,
    html_url: `${host}/${repository.fullName}/pull/${pull.number}`,
    state: pull.state,
    locked: false,
    title: pull.title,
    body: pull.body,
    user: userShape(pull.user, base),
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.state === "closed" ? pull.updatedAt : null,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeCommit,
    draft: pull.draft,
    merged: pull.merged,
    mergeable: pull.merged ? null : true,
    labels: pull.labels.map((name) => labelShape(name)),
    head: side(pull.branch, pull.head),
    base: side(pull.base, pull.baseSha),
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    auto_merge: null,
    active_lock_reason: null,
    author_association: "MEMBER",
  };
}

export function labelShape(name: string): Record<string, unknown> {
  return { id: 1, node_id: "L_1", url: "", name, color: "ededed", default: false, description: null };
}

export function commentShape(
  comment: TwinComment,
  at: { readonly base: string; readonly url: string; readonly slug: string },
): Record<string, unknown> {
  return {
    id: comment.id,
    node_id: node("IC", comment.id),
    url: `${at.url}/issues/comments/${comment.id}`,
    html_url: `${at.url}#issuecomment-${comment.id}`,
    issue_url: at.url,
    body: comment.body,
    user: userShape(comment.user, at.base),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: "MEMBER",
    performed_via_github_app: comment.app === null ? null : { id: comment.app, slug: at.slug, name: at.slug },
  };
}

export function issueShape(
  issue: TwinIssue,
  { base, repository }: { readonly base: string; readonly repository: TwinRepository },
): Record<string, unknown> {
  return {
    id: issue.id,
    node_id: node("I", issue.id),
    number: issue.number,
    url: `${base}/repos/${repository.fullName}/issues/${issue.number}`,
    title: issue.title,
    body: issue.body,
    state: issue.state,
    user: userShape(issue.user, base),
    labels: issue.labels.map((name) => labelShape(name)),
    performed_via_github_app: issue.app === null ? null : { id: issue.app, slug: "sluice", name: "sluice" },
  };
}

export function checkShape(
  check: TwinCheck,
  { url, appId }: { readonly url: string; readonly appId: number },
): Record<string, unknown> {
  return {
    id: check.id,
    node_id: node("CR", check.id),
    head_sha: check.head,
    external_id: check.externalId,
    url: `${url}/check-runs/${check.id}`,
    html_url: `${url}/runs/${check.id}`,
    details_url: null,
    status: check.status,
    conclusion: check.conclusion,
    started_at: check.startedAt,
    completed_at: check.completedAt,
    output: {
      title: check.output.title,
      summary: check.output.summary,
      text: check.output.text,
      annotations_count: check.output.annotations.length,
      annotations_url: `${url}/check-runs/${check.id}/annotations`,
    },
    name: check.name,
    check_suite: { id: check.id },
    app: { id: appId, slug: "sluice", name: "sluice" },
    pull_requests: [],
  };
}
