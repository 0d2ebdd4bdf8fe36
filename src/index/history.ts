import type { CommitSha, Digest, RunId } from "../identity/identity.ts";
import type { PastStep } from "../plan/plan.ts";
import type { RunRecord } from "../run/run-record.ts";

export interface RunFilter {
  readonly pipeline?: string;
  readonly status?: RunRecord["status"];
  readonly source?: CommitSha;
  readonly request?: string;
  /** RFC 3339 UTC: runs that began then or later. */
  readonly since?: string;
  /** RFC 3339 UTC: runs that began before. */
  readonly until?: string;
  readonly limit?: number;
  /** True: those that do not count, too, because no key signed them whose word does. */
  readonly all?: boolean;
}

/** One run as lists show it. */
export interface RunSummary {
  readonly id: RunId;
  readonly pipeline: string;
  readonly status: RunRecord["status"];
  readonly source: CommitSha;
  readonly trigger: RunRecord["trigger"];
  readonly request: string;
  readonly plan: Digest;
  readonly pullRequest: number | null;
  readonly requestedBy: string | null;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** The ledger's commit. */
  readonly commit: CommitSha;
  readonly metrics: Readonly<Record<string, number | string>>;
}

/** An event of an environment as the ledger has it; whoever decides by it checks the signature first. */
export interface LedgerEvent {
  readonly commit: CommitSha;
  readonly path: string;
  readonly payload: Uint8Array;
  readonly envelope: Uint8Array | undefined;
}

/** What computing a run again gave, as the ledger has it; whoever decides by it checks the signature first. */
export type LedgerReproduction = LedgerEvent & { readonly run: RunId };

/** What the ledger says, quickly: a derived, disposable index that is rebuilt from it at any time. */
export interface History extends AsyncDisposable {
  /** Brings the index up to the ledger's head. */
  sync(): Promise<void>;
  /** Takes a run that was just recorded as the commit after `before`, without reading it back. */
  recorded(run: RunRecord, at: { readonly commit: CommitSha; readonly before: CommitSha | null }): void;
  /** The commit at which the ledger stood when this machine read it, where its history does not hold that any more. */
  left(): CommitSha | undefined;
  /** Newest first. */
  runs(filter: RunFilter): readonly RunSummary[];
  /** Events of environments in the order in which the ledger holds them. */
  events(): readonly LedgerEvent[];
  /** Reproductions of a run in the order in which the ledger holds them. */
  reproductions(run: RunId): readonly LedgerReproduction[];
  /** Runs whose id begins so. */
  byPrefix(prefix: string): readonly RunId[];
  /** True for a run that is recorded with what it computed: one that was only given up has none of its key documents there. */
  computed(run: RunId): boolean;
  /**
   * The commit of the ledger that says what a run was: its head, or, where what stands there now does not count, the one
   * that recorded the run. The same holds for `record` and `readable`.
   */
  standing(id: RunId): Promise<CommitSha | undefined>;
  /** An unreadable manifest is an exception that says why. */
  record(id: RunId): Promise<RunRecord | undefined>;
  /** The same for whoever goes on without it: undefined where its manifest cannot be read. */
  readable(id: RunId): Promise<RunRecord | undefined>;
  /** Steps of the newest run of a pipeline that had any of these ids, and that was no pull request's. */
  past(pipelines: readonly string[]): Promise<readonly PastStep[]>;
  /** Wall times (ms) of a pipeline's step, newest first. */
  durations(pipeline: string, step: string): readonly number[];
  /** Digests that runs finished since then (ms since 1970), the newest ten of each pipeline, and `also` hold. */
  held(since: number, also?: readonly RunId[]): Promise<Held>;
}

/** `unreadable`: a run of which the ledger says nothing that is understood here; what it holds is not known. */
export type Held =
  /** `recorded`: how many runs the ledger's commits say that they recorded. */
  | { readonly kind: "held"; readonly digests: ReadonlySet<Digest>; readonly recorded: number }
  | { readonly kind: "unreadable"; readonly run: RunId };
