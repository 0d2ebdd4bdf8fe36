import type { TwinComment, TwinRepository } from "../world.ts";
import { appShape } from "./app.ts";
import { reactionsShape } from "./reactions.ts";
import { node, userShape, type Addresses } from "./user.ts";

/** A comment on an issue or pull request as GitHub gives it. */
export function commentShape(
  comment: TwinComment,
  { repository, number }: { readonly repository: TwinRepository; readonly number: number },
  at: Addresses,
): Record<string, unknown> {
  const api = `${at.base}/repos/${repository.fullName}`;
  const url = `${api}/issues/comments/${comment.id}`;
  const page = `${at.host}/${repository.fullName}/${repository.pulls.has(number) ? "pull" : "issues"}/${number}`;
  return {
    id: comment.id,
    node_id: node("IC", comment.id),
    url,
    html_url: `${page}#issuecomment-${comment.id}`,
    issue_url: `${api}/issues/${number}`,
    body: comment.body,
    user: userShape(comment.user, at),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: "MEMBER",
    reactions: reactionsShape(comment.reactions, url),
    performed_via_github_app: comment.app === null ? null : appShape(at),
  };
}
