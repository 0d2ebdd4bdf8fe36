import type { Answer, Forge, PullRequest } from "../../forge/forge.ts";
import type { CommitSha, Digest } from "../../identity/identity.ts";
import { type Question, type Voter } from "../../release/decide.ts";
import { type Request } from "../../release/environment-state.ts";
import type { Actor, ReleaseEvent } from "../../release/release-event.ts";
import type { Release } from "../../release/release.ts";
import { againAfter, SETTLED, type Looked, type Unanswered } from "../../forge/looked.ts";

export interface PromotePorts {
  readonly forge: Pick<Forge, "pullRequest" | "merge" | "updatePullRequest" | "enqueue" | "dequeue" | "enqueuedBy">;
  /** Makes or updates the promotion pull request; `valid` is false where a hand changed what it would merge. */
  readonly open: (shown: {
    readonly title: string;
    readonly body: string;
  }) => Promise<Answer<{ readonly pullRequest: PullRequest; readonly shownAt: number; readonly valid: boolean }>>;
  /** Who agrees, with the permissions that they have at the moment of asking. */
  readonly voters: (pullRequest: PullRequest, shownAt: number) => Promise<Answer<readonly Voter[]>>;
  /** The evidence in front of a merge, which replaced a part of it; undefined: the mirror has no such commit yet. */
  readonly evidenceBefore: (merge: CommitSha) => Promise<Digest | undefined>;
  /** Who agrees to nothing, as the forge says in the moment of asking: what brought a commit may show late. */
  readonly authors: () => Promise<Answer<readonly Actor[]>>;
  /** Whether nobody holds or freezes by now what was decided a moment ago, and nobody else has begun to decide. */
  readonly stillFree: () => Promise<boolean>;
  readonly record: (events: readonly ReleaseEvent[]) => Promise<void>;
  /** Ms since 1970, from the forge's clock: deciding and merging take their time, and a fact has the time at which it came about. */
  readonly now: () => number;
}

export interface PromoteOrder extends Omit<Question, "voters" | "run" | "evidence"> {
  readonly evidence: Digest;
  readonly pipeline: string;
  /** The default branch, on which the pin has to come. */
  readonly branch: string;
  readonly request: Request;
  readonly candidate: Release;
  readonly live: Release | null;
  /** Whether it lives in the ledger only: automatic, and nobody has to agree. */
  readonly unattended: boolean;
}

export interface Promoted extends Looked {
  readonly released: boolean;
}

/** What is asked for, as of this moment. */
export function asOfNow({ now }: Pick<PromotePorts, "now">, order: PromoteOrder): PromoteOrder {
  return { ...order, now: now() };
}

export const NOTHING: Promoted = { ...SETTLED, released: false };

export function later(answer: Unanswered, now: number): Promoted {
  return { ...NOTHING, again: againAfter(answer, now) };
}
