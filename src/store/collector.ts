import type { Digest, RunId } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";

/** Housekeeping of a store that others go on using meanwhile; one process does it for all. */
export interface Collector {
  /** When it was last done, or begun and left to wait (ms since 1970); undefined: never. */
  last(): Promise<number | undefined>;
  /** Who used the store as far as it knows; undefined: it knows nothing yet. */
  users(): Promise<Users | undefined>;
  keepUsers(users: Users): Promise<void>;
  /** What is done until `lost` is aborted: somebody else may collect from then on. */
  collect(kept: KeptForAll, lost?: AbortSignal): Promise<Collected>;
}

/** Repositories by id; kept beside the bytes that they need, because whatever else knows of them may be wiped. */
export interface Users {
  /** Since when this is kept (ms since 1970). */
  readonly since: number;
  /** `recorded`: how many runs its ledger held; not there where nobody has counted them. */
  readonly seen: Readonly<Record<string, { readonly at: number; readonly name: string; readonly recorded?: number }>>;
}

export interface Collected {
  readonly objects: number;
  readonly bytes: number;
  readonly results: number;
}

/** What must stay, beside everything younger than `olderThan` (ms since 1970). */
export interface Kept {
  /** Outputs and logs of recorded runs within the retention. */
  readonly live: ReadonlySet<Digest>;
  /** Runs that are accepted and not recorded: what they computed is what they go on from. */
  readonly runs: ReadonlySet<RunId>;
  readonly olderThan: number;
}

/** Where persons may compute too, whose ledgers nobody sees. */
export interface KeptForAll extends Kept {
  /** Results that persons' own runs made since then (ms since 1970) stay. */
  readonly personsSince: number;
}

/** Whether a result stays where others may go on from it. */
export function stays({ made, facts }: StepResult, { live, runs, olderThan, personsSince }: KeptForAll): boolean {
  return (
    Date.parse(made.finishedAt) >= (made.domain === "local" ? Math.min(olderThan, personsSince) : olderThan) ||
    runs.has(made.run) ||
    facts.outputs.every(({ digest }) => live.has(digest))
  );
}

/** Bytes that a result names. */
export function namedBy({ made, facts }: StepResult): readonly Digest[] {
  return [...facts.outputs.map(({ digest }) => digest), ...(made.log === null ? [] : [made.log])];
}

/** What is written anew whenever a store was collected, so that no process answers from memory what went. */
export const COLLECTED = "collected";
export const USERS = "users";
