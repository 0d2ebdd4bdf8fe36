import type { TwinIssue, TwinPullRequest, TwinRepository } from "../world.ts";
import { appShape } from "./app.ts";
import { labelShape } from "./label.ts";
import { reactionsShape } from "./reactions.ts";
import { node, userShape, type Addresses } from "./user.ts";

/** An issue as GitHub's REST API and webhooks give it; a pull request is one too, and says so. */
export function issueShape(
  issue: TwinIssue | TwinPullRequest,
  repository: TwinRepository,
  at: Addresses,
): Record<string, unknown> {
  const api = `${at.base}/repos/${repository.fullName}`;
  const url = `${api}/issues/${issue.number}`;
  const isPull = "branch" in issue;
  const page = `${at.host}/${repository.fullName}/${isPull ? "pull" : "issues"}/${issue.number}`;
  return {
    id: issue.id,
    node_id: node("I", issue.id),
    number: issue.number,
    url,
    html_url: page,
    repository_url: api,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    labels_url: `${url}/labels{/name}`,
    title: issue.title,
    body: issue.body,
    state: issue.state,
    state_reason: null,
    locked: false,
    active_lock_reason: null,
    user: userShape(issue.user, at),
    author_association: "MEMBER",
    assignee: null,
    assignees: [],
    milestone: null,
    labels: issue.labels.map((name) => labelShape(name, repository, at)),
    comments: (repository.comments.get(issue.number) ?? []).length,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.state === "closed" ? issue.updatedAt : null,
    reactions: reactionsShape([], url),
    performed_via_github_app: isPull || issue.app === null ? null : appShape(at),
    ...(isPull
      ? {
          draft: issue.draft,
          pull_request: {
            url: `${api}/pulls/${issue.number}`,
            html_url: page,
            diff_url: `${page}.diff`,
            patch_url: `${page}.patch`,
            merged_at: issue.mergedAt,
          },
        }
      : {}),
  };
}
