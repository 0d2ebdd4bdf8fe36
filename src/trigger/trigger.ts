import type { CommitSha } from "../identity/identity.ts";
import type { Person, RepositoryRef } from "../identity/repository.ts";

/**
 * Why we woke. A hint and nothing more (law 2): whoever acts on it reads the forge and git again. Small, so that it
 * travels through the queue as it is.
 */
export type Trigger =
  /** Something about a pull request changed: opened, pushed to, ready, base changed, labels, closed. */
  | {
      readonly kind: "pull-request";
      readonly repository: RepositoryRef;
      readonly number: number;
      readonly action: string;
      readonly sender: Person | null;
    }
  /** A new comment whose first line is a command; only comments as first written count. */
  | {
      readonly kind: "command";
      readonly repository: RepositoryRef;
      readonly number: number;
      readonly comment: number;
      readonly text: string;
      readonly sender: Person;
    }
  /** A button of a check was pressed; it carries the head it was shown for. */
  | {
      readonly kind: "button";
      readonly repository: RepositoryRef;
      readonly head: CommitSha;
      readonly action: string;
      readonly delivery: string;
      readonly sender: Person;
    }
  /** A check or a suite is wanted again: the check's name, null for all of the commit's. */
  | {
      readonly kind: "recheck";
      readonly repository: RepositoryRef;
      readonly head: CommitSha;
      readonly check: string | null;
      readonly delivery: string;
      readonly sender: Person | null;
    }
  | {
      readonly kind: "merge-group";
      readonly repository: RepositoryRef;
      readonly head: CommitSha;
      readonly base: CommitSha;
    }
  /** A branch moved, a timer fired, or we simply look again: `reconcile`. */
  | { readonly kind: "reconcile"; readonly repository: RepositoryRef; readonly because: string }
  /** What was asked of environments may go on by now. */
  | { readonly kind: "promotions"; readonly repository: RepositoryRef }
  /** A minute passed: all repositories are looked at. */
  | { readonly kind: "everywhere" }
  /** A day passed: what nobody needs any more leaves the store. */
  | { readonly kind: "collect" }
  /** Repositories came to an installation or left it. */
  | {
      readonly kind: "installation";
      readonly installation: number;
      readonly added: readonly RepositoryRef[];
      readonly removed: readonly RepositoryRef[];
      /** The whole installation was deleted or suspended. */
      readonly gone: boolean;
    };
