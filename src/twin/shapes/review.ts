import type { TwinPullRequest, TwinRepository, TwinReview } from "../world.ts";
import { node, userShape, type Addresses } from "./user.ts";

/** A review as GitHub's REST API gives it; webhooks say its state in small letters. */
export function reviewShape(
  review: TwinReview,
  { repository, pull }: { readonly repository: TwinRepository; readonly pull: TwinPullRequest },
  at: Addresses,
): Record<string, unknown> {
  const page = `${at.host}/${repository.fullName}/pull/${pull.number}#pullrequestreview-${review.id}`;
  const url = `${at.base}/repos/${repository.fullName}/pulls/${pull.number}`;
  return {
    id: review.id,
    node_id: node("PRR", review.id),
    user: userShape(review.user, at),
    body: review.body,
    state: review.state,
    html_url: page,
    pull_request_url: url,
    author_association: "MEMBER",
    _links: { html: { href: page }, pull_request: { href: url } },
    submitted_at: review.at,
    commit_id: review.commit,
  };
}
