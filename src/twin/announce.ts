import { commentShape, issueShape, pullShape, repositoryShape, userShape } from "./api-shapes.ts";
import type { Deliveries } from "./deliveries.ts";
import type { TwinComment, TwinIssue, TwinPullRequest, TwinRepository, User } from "./world.ts";

/** Where the forge and its App are, as payloads name them. */
export interface Addresses {
  /** Of the API. */
  readonly base: string;
  /** Of the pages. */
  readonly host: string;
  readonly slug: string;
}

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
    },
  ): void {
    const { base, slug } = this.at();
    const url = `${base}/repos/${repository.fullName}`;
    const pull = repository.pulls.get(about.number);
    const issue: Record<string, unknown> =
      pull === undefined
        ? issueShape(repository.issues.get(about.number) as TwinIssue, { base, repository })
        : {
            id: pull.id,
            number: pull.number,
            title: pull.title,
            state: pull.state,
            user: userShape(pull.user, base),
            labels: [],
            pull_request: { url: `${url}/pulls/${pull.number}` },
          };
    this.send(repository, about.sender, "issue_comment", {
      action: about.action,
      issue,
      comment: commentShape(about.comment, { base, url, slug }),
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

  send(repository: TwinRepository, sender: User, event: string, payload: Record<string, unknown>): void {
    const { base, host } = this.at();
    this.deliveries.send(event, {
      ...payload,
      repository: repositoryShape(repository, base, host),
      installation: { id: repository.installation, node_id: "" },
      sender: userShape(sender, base),
    });
  }
}
