import type { Deliveries } from "./deliveries.ts";
import { NOT_INSTALLED } from "./fork.ts";
import { checkShape } from "./shapes/check.ts";
import { commentShape } from "./shapes/comment.ts";
import { issueShape } from "./shapes/issue.ts";
import { pullShape, simplePullShape } from "./shapes/pull.ts";
import { reviewShape } from "./shapes/review.ts";
import { repositoryShape } from "./shapes/repository.ts";
import { node, userShape, type Addresses } from "./shapes/user.ts";
import type { TwinCheck, TwinComment, TwinPullRequest, TwinRepository, TwinReview, User } from "./world.ts";

/** Tells what happened on the forge, in the payloads of GitHub's webhooks. */
export class Announcer {
  private readonly deliveries: Deliveries;
  private readonly at: () => Addresses;

  constructor(deliveries: Deliveries, at: () => Addresses) {
    this.deliveries = deliveries;
    this.at = at;
  }

  comment(
    repository: TwinRepository,
    about: {
      readonly number: number;
      readonly comment: TwinComment;
      readonly action: "created" | "edited" | "deleted";
      readonly sender: User;
      /** What was there before an edit. */
      readonly changes?: { readonly body: { readonly from: string } };
    },
  ): void {
    const at = this.at();
    const { number, comment, sender, ...rest } = about;
    const issue = repository.pulls.get(number) ?? repository.issues.get(number);
    if (issue === undefined) return;
    this.send(repository, sender, "issue_comment", {
      ...rest,
      issue: issueShape(issue, repository, at),
      comment: commentShape(comment, { repository, number }, at),
    });
  }

  /** Somebody pressed a button of a check, or wants it again. */
  check(
    repository: TwinRepository,
    check: TwinCheck,
    { sender, button }: { readonly sender: User; readonly button: string | null },
  ): void {
    this.send(repository, sender, "check_run", {
      action: button === null ? "rerequested" : "requested_action",
      check_run: checkShape(check, repository, this.at()),
      ...(button !== null && { requested_action: { identifier: button } }),
    });
  }

  pull(
    repository: TwinRepository,
    pull: TwinPullRequest,
    sender: User,
    more: { readonly action: string } & Readonly<Record<string, unknown>>,
  ): void {
    const shape = pullShape(repository, pull, this.at());
    this.send(repository, sender, "pull_request", { number: pull.number, pull_request: shape, ...more });
  }

  review(
    repository: TwinRepository,
    pull: TwinPullRequest,
    about: { readonly review: TwinReview; readonly action: "submitted" | "dismissed"; readonly sender: User },
  ): void {
    const at = this.at();
    const { review, action, sender } = about;
    const shape = reviewShape(review, { repository, pull }, at);
    this.send(repository, sender, "pull_request_review", {
      action,
      review: { ...shape, state: review.state.toLowerCase(), updated_at: review.at },
      pull_request: simplePullShape(repository, pull, at),
    });
  }

  send(repository: TwinRepository, sender: User, event: string, payload: Record<string, unknown>): void {
    // What happens where the App is not, it is not told.
    if (repository.installation === NOT_INSTALLED) return;
    const at = this.at();
    this.deliveries.send(event, {
      ...payload,
      repository: repositoryShape(repository, at),
      organization: organizationShape(repository.owner, at),
      installation: { id: repository.installation, node_id: node("IN", repository.installation) },
      sender: userShape(sender, at),
    });
  }
}

function organizationShape({ login, id }: User, { base, host }: Addresses): Record<string, unknown> {
  const url = `${base}/orgs/${login}`;
  return {
    login,
    id,
    node_id: node("O", id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${host}/avatars/${id}`,
    description: null,
  };
}
