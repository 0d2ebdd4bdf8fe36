import type { Clock } from "../../clock/clock.ts";
import type { Desired } from "../../forge/desired.ts";
import type { Forge } from "../../forge/forge.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { Person } from "../../identity/repository.ts";
import type { Narrowed } from "../../pipeline/narrow.ts";
import type { RunOrder } from "../../run/request.ts";
import type { ReleaseCommand } from "../../trigger/command.ts";
import type { PlannedPullRequest } from "../project.ts";

/** What a question about runs was answered with. */
export type Told =
  | { readonly kind: "told"; readonly markdown: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "again"; readonly afterMs: number };

export interface CommandPorts {
  readonly forge: Forge;
  readonly clock: Clock;
  /** What runs before a merge would be strangers' work. */
  readonly fork: boolean;
  /** Head of the pull request as it is now; null once it is closed. */
  readonly head: CommitSha | null;
  /** Says at once that the command was seen; nothing is done before. */
  readonly seen: () => Promise<void>;
  /** What the pull request would run at this moment. */
  readonly plan: () => Promise<PlannedPullRequest>;
  /** Of the default branch as it is now; undefined while the forge cannot be asked. */
  readonly rules: () => Promise<Narrowed | undefined>;
  /** Accepts and enqueues. */
  readonly accept: (
    order: RunOrder,
  ) => Promise<
    { readonly kind: "accepted" | "recorded" } | { readonly kind: "refused" | "unreachable"; readonly why: string }
  >;
  /** Asks every open run of the pull request to stop; answers how many there are, `later` where nobody could look now. */
  readonly cancel: () => Promise<number | "later">;
  /** Orders that repeat what did not succeed at the head, or at the merge where it is merged. */
  readonly retries: (by: string) => Promise<readonly RunOrder[]>;
  /** Lets what waits at the merge commit run; answers how many runs began, `later` where nobody could look now. */
  readonly release: (by: string) => Promise<number | "later">;
  readonly diff: (against: string) => Promise<Told>;
  readonly explain: (step: string | null) => Promise<Told>;
  /** Does what is asked of an environment, by the permission that the asker has at this moment. */
  readonly environments: (
    command: ReleaseCommand,
  ) => Promise<
    | { readonly kind: "done" }
    | { readonly kind: "refused"; readonly why: string }
    | { readonly kind: "again"; readonly afterMs: number }
  >;
}

/** Who asks, how, and where; a button and a check's re-request carry the head that they were shown for. */
export interface Asking {
  readonly sender: Person;
  /** `comment:<id>`, `button:<delivery>`: what runs that it starts are asked for by. */
  readonly request: string;
  readonly comment: { readonly id: number; readonly line: string } | null;
  readonly head: CommitSha | null;
}

export interface Answered {
  readonly states: readonly Desired[];
  /** Plain sentences for the sticky comment; empty where a reaction says it all. */
  readonly words: readonly string[];
  /** Longer answers, as Markdown of our own making. */
  readonly shown: readonly string[];
  /** Not before this many ms: the world was not there. */
  readonly again: number | null;
  /** False for what does not count: an edited comment, a bot, a comment that is gone. */
  readonly counts: boolean;
}

/** As an answer it says that there was nothing to answer. */
export const NOTHING: Answered = { states: [], words: [], shown: [], again: null, counts: false };
/** What was asked for is done: a reaction says so. */
export function done({ comment }: Asking): Answered {
  return { ...NOTHING, counts: true, states: reaction(comment, "rocket") };
}

/** What was asked for is not done, with the reason in a sentence. */
export function refused({ comment }: Asking, words: string): Answered {
  return { ...NOTHING, counts: true, states: reaction(comment, "confused"), words: [words] };
}

function reaction(comment: Asking["comment"], content: "rocket" | "confused"): readonly Desired[] {
  return comment === null ? [] : [{ kind: "reaction", comment: comment.id, content }];
}

/** The answer to a question. */
export function told(asking: Asking, answer: Told): Answered {
  if (answer.kind === "again") return { ...NOTHING, again: answer.afterMs };
  return answer.kind === "refused" ? refused(asking, answer.why) : { ...done(asking), shown: [answer.markdown] };
}

/** Why what somebody was shown does not stand any more. */
export function movedTo(head: CommitSha): string {
  return `the head is \`${head.slice(0, 7)}\` by now: what was shown is no longer what is there`;
}
