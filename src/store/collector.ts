import { parseDigest, type Digest, type RunId } from "../identity/identity.ts";
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
  readonly seen: Readonly<Record<string, User>>;
}

export interface User {
  /** When the App had it last (ms since 1970). */
  readonly at: number;
  readonly name: string;
  /** How many runs its ledger held; not there where nobody has counted them. */
  readonly recorded?: number;
}

export interface Collected {
  readonly objects: number;
  readonly bytes: number;
  readonly results: number;
}

/** What could not be taken away. */
export interface Stuck {
  readonly path: string;
  readonly error: unknown;
}

/** What must stay, beside everything younger than `olderThan` (ms since 1970). */
export interface Kept {
  /** Outputs and logs of recorded runs within the retention. */
  readonly live: ReadonlySet<Digest>;
  /** Runs that are accepted and not recorded, and those that they go on from: what they computed stays. */
  readonly runs: ReadonlySet<RunId>;
  readonly olderThan: number;
}

/** Where persons may compute too, whose ledgers nobody sees. */
export interface KeptForAll extends Kept {
  /** Results that persons' own runs made since then (ms since 1970) stay, and those of steps that write nothing. */
  readonly personsSince: number;
}

/** Whether a result stays where others may go on from it: no bytes tell of one that has no outputs. */
export function stays({ made, facts }: StepResult, { live, runs, olderThan, personsSince }: KeptForAll): boolean {
  const isTold = facts.outputs.length > 0;
  const since = made.domain === "local" || !isTold ? Math.min(olderThan, personsSince) : olderThan;
  return (
    Date.parse(made.finishedAt) >= since ||
    runs.has(made.run) ||
    (isTold && facts.outputs.every(({ digest }) => live.has(digest)))
  );
}

/** Bytes that a result names. */
export function namedBy({ made, facts }: StepResult): readonly Digest[] {
  return [...facts.outputs.map(({ digest }) => digest), ...(made.log === null ? [] : [made.log])];
}

/** So long after a result its bytes stay, however often somebody collects (ms). */
export const BYTES_STAY_MS = 43_200_000;

/** What is left of a result that went: whose it was, and what it named. */
export function evictedMark(result: StepResult): string {
  return `${JSON.stringify({ run: result.made.run, bytes: namedBy(result) })}\n`;
}

/** Bytes that such a mark names; marks of earlier versions name none. */
export function bytesOfMark(mark: unknown): readonly Digest[] {
  const { bytes = [] } = (mark ?? {}) as { readonly bytes?: readonly string[] };
  return bytes.flatMap((digest) => parseDigest(digest) ?? []);
}

/** What is written anew whenever a store was collected, so that no process answers from memory what went. */
export const COLLECTED = "collected";
export const USERS = "users";
