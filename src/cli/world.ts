import type { Clock } from "../clock/clock.ts";
import type {
  ServiceConfig,
  ServiceConfigRead,
  SetupConfigRead,
  WorkerConfig,
  WorkerConfigRead,
} from "../config-service.ts";
import type { Config } from "../config.ts";
import type { Executor, ImageDigest, IsolationHere } from "../executor/executor.ts";
import type { ParseAside } from "../controller/read-project.ts";
import type { VerifyOrder } from "../controller/verify-runs.ts";
import type { PersonalForge } from "../forge/forge.ts";
import type { Git } from "../git/git.ts";
import type { View } from "../git/view.ts";
import type { WorkTree } from "../git/work-tree.ts";
import type { CommitSha, Digest, RunId } from "../identity/identity.ts";
import type { History } from "../index/history.ts";
import type { BundleTrust, CheckBundle } from "../manifest/bundle.ts";
import type { VerifiedRun } from "../manifest/verify.ts";
import type { Dataset } from "../pipeline/pipeline.ts";
import type { DatasetState } from "../pipeline/resolution.ts";
import type { Settings } from "../pipeline/settings.ts";
import type { Tree } from "../pipeline/tree.ts";
import type { PoolView } from "../report/pool-text.ts";
import type { AcceptedRuns } from "../queue/accepted-runs.ts";
import type { Dispatcher } from "../queue/dispatcher.ts";
import type { Failure } from "../run/run-record.ts";
import type { StepEnd, StepJob } from "../run/step-job.ts";
import type { Signer } from "../signer/signer.ts";
import type { Checkpoints } from "../store/checkpoints.ts";
import type { FileDigests } from "../store/file-digests.ts";
import type { ParsedCache } from "../store/parsed-cache.ts";
import type { Store } from "../store/store.ts";

/** Everything a command may reach, built by main.ts; adapters load when they are first asked for. */
export interface World {
  readonly config: Config;
  /** Variables of `serve`, `serve --setup` and `worker`, checked when asked for. */
  readonly service: {
    config(): Promise<ServiceConfigRead>;
    setupConfig(): Promise<SetupConfigRead>;
    workerConfig(): Promise<WorkerConfigRead>;
    /** Whether this environment names a service: its queue, or where it keeps everything. */
    readonly named: boolean;
    /** The service's composition; absent where it is not part of this build. */
    open?(): Promise<Service>;
  };
  readonly clock: Clock;
  readonly version: string;
  readonly terminal: Terminal;
  /** The forge behind a remote (undefined: `origin`, or the only one), as the person at the keyboard. */
  openForge(repository: Repository, remote: string | undefined): Promise<OpenedForge>;
  /** `owner/name` of the repository behind `origin`, or the only remote, in lower case; undefined where none is told. */
  repositoryOnForge(repository: Repository): Promise<string | undefined>;
  openRepository(): Promise<
    | { readonly kind: "ok"; readonly repository: Repository }
    | { readonly kind: "refused"; readonly why: string; readonly next: string }
  >;
}

/** Where a command is said on the forge; refused with an exit code and what to do. */
export type OpenedForge =
  | { readonly kind: "ok"; readonly forge: PersonalForge }
  | { readonly kind: "refused"; readonly reason: "usage" | "forbidden"; readonly why: string; readonly next: string };

/** What `serve`, `worker` and `demo` start; each ends when `stop` is aborted and answers an exit code. */
export interface Service {
  /** Web, controller and one worker. */
  serve(config: ServiceConfig, stop: AbortSignal): Promise<number>;
  /** Takes steps of one pool; null: as many at once as the pool allows. */
  worker(
    config: WorkerConfig,
    what: { readonly pool: string; readonly concurrency: number | null },
    stop: AbortSignal,
  ): Promise<number>;
  demo(stop: AbortSignal): Promise<number>;
  /** What a pool does at the moment; a queue that cannot be reached is an exit code. */
  pool(config: WorkerConfig, pool: string): Promise<OpenPool | number>;
  /** The runs that it has in hand; a queue that cannot be reached is an exit code. */
  runs(config: WorkerConfig): Promise<OpenRuns | number>;
  /** A log that its store keeps; undefined where it is not there, or the store is not on this machine. */
  log(config: WorkerConfig, digest: string): Promise<string | undefined>;
  /** What it keeps on this machine; undefined where that is nothing. */
  here(config: WorkerConfig): Promise<ServedHere | undefined>;
}

/** What a service keeps on this machine, for its operator to go on with while the forge is away. */
export interface ServedHere {
  /** Its key; undefined where that is not here. */
  signer(): Signer | undefined;
  /** Its store; undefined where that cannot be opened. */
  store(): Promise<Store | undefined>;
  /** Directory of its mirror of a repository, as the forge numbers it; undefined: it has none. */
  mirror(repository: string): string | undefined;
  /** Brings the ledger of a clone to what that mirror has. */
  freshen(root: string, repository: string): Promise<void>;
}

/** A run that a service has in hand: accepted, and not recorded yet. */
export interface ServedRun {
  readonly id: RunId;
  readonly repository: string;
  readonly pipeline: string;
  readonly pullRequest: number | null;
  /** RFC 3339 UTC, as all times here. */
  readonly acceptedAt: string;
  /** Null while it waits for its turn. */
  readonly startedAt: string | null;
  readonly done: number;
  readonly total: number;
  /** Names of its steps; empty while they are not known. */
  readonly steps: readonly string[];
  readonly running: readonly {
    readonly step: string;
    readonly attempt: number;
    readonly since: string;
    readonly worker: string;
  }[];
}

/** A piece of a step's log, or that the step will not be performed again. */
export type FollowedLog =
  | { readonly kind: "text"; readonly step: string; readonly attempt: number; readonly text: string }
  | { readonly kind: "ended"; readonly step: string; readonly outcome: string; readonly log: string | null };

/** A service's runs seen from outside. */
export interface OpenRuns extends AsyncDisposable {
  list(): Promise<readonly ServedRun[]>;
  /** Asks for its end; it is recorded as cancelled when it is over. */
  cancel(run: RunId): Promise<void>;
  isOpen(run: RunId): Promise<boolean>;
  /** Tells what its steps write until the step has ended, or the run, or nobody wants to know any more. */
  follow(
    run: RunId,
    how: {
      readonly step: string | undefined;
      readonly signal: AbortSignal;
      readonly tell: (told: FollowedLog) => void;
    },
  ): Promise<void>;
}

/** A pool seen from outside. */
export interface OpenPool extends AsyncDisposable {
  view(): Promise<PoolView>;
  pause(): Promise<void>;
  /** False when it was not paused. */
  unpause(): Promise<boolean>;
}

export interface Terminal {
  readonly isTerminal: boolean;
  readonly color: boolean;
  readonly columns: number;
  /** Data, to stdout. */
  print(text: string): void;
  /** Talk, to stderr. */
  say(text: string): void;
  /** Where things can be drawn in place; null where talk goes to a file, a pipe or a terminal without a cursor. */
  readonly screen: Screen | null;
  /** Ends when the person asks to stop (Ctrl-C) or the system does. */
  readonly interrupted: AbortSignal;
}

export interface Screen {
  /** Of the terminal as it is now: people resize them. */
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): void;
  /** Calls `clear` before anything is printed or said; answers how to stop that. */
  before(clear: () => void): () => void;
}

export interface Machine {
  readonly memoryBytes: number;
  readonly gpus: number;
  readonly cpus: number;
}

/** A branch of records with what it says, quickly. */
export interface Ledger {
  readonly ref: string;
  readonly history: History;
}

/** What housekeeping could not take away. */
export interface Stuck {
  readonly path: string;
  readonly error: unknown;
}

export interface Repository {
  readonly git: Git;
  /** Absolute path of `.sluice`. */
  readonly directory: string;
  readonly digests: FileDigests;
  readonly cache: ParsedCache;
  readonly parseAside: ParseAside;
  readonly workTree: WorkTree;
  readonly accepted: AcceptedRuns;
  readonly machine: Machine;
  /** The work tree as edited. */
  readonly view: View;
  commit(sha: CommitSha): View;
  store(settings: Settings): Promise<Store>;
  executor(
    settings: Settings,
    store: Store,
    wanted: { readonly slots: number; readonly onDrift?: (drift: Failure) => void },
  ): Promise<Executor | { readonly kind: "refused"; readonly why: string }>;
  /** How steps would be kept apart here, without starting anything that lasts. */
  isolation(settings: Pick<Settings, "sandbox">): Promise<IsolationHere>;
  /** Why `resources.memory` is no limit here; null where the kernel holds steps to it. */
  unlimitedMemory(): Promise<string | null>;
  dispatcher(
    slots: number,
    perform: (job: StepJob, signal: AbortSignal) => Promise<StepEnd>,
  ): Promise<Dispatcher<StepJob, StepEnd>>;
  history(): Promise<History>;
  /** The forge's ledger where this clone has it (its branch, else what was fetched of it), else the local one. */
  ledger(): Promise<Ledger>;
  /** Verifies recorded runs with nothing but what the ledger holds, on all processors. */
  verifyRuns(order: VerifyOrder): Promise<readonly VerifiedRun[]>;
  signer(): Promise<Signer>;
  /** What checks Sigstore bundles. */
  checkBundles(trust: BundleTrust): Promise<CheckBundle>;
  dataset(dataset: Dataset, tree: Tree): Promise<DatasetState>;
  /** Digest of what stands at a path of the work tree, by stat where that is trusted. */
  measure(
    path: string,
  ): Promise<{ readonly digest: Digest; readonly size: number; readonly files: number } | undefined>;
  fetch(
    wanted: { readonly path: string; readonly uri: string; readonly digest: Digest | null },
    signal: AbortSignal,
  ): Promise<
    | { readonly kind: "ok" }
    | { readonly kind: "refused"; readonly refusal: { readonly why: string; readonly next: string } }
  >;
  writePin(
    path: string,
    pin: {
      readonly path: string;
      readonly digest: Digest;
      readonly size: number;
      readonly files: number;
      readonly uri: string | null;
    },
  ): Promise<void>;
  /** Asks an image's registry which digest its tag has now: the only command that does is `sluice pin`. */
  imageDigest(image: string, signal: AbortSignal): Promise<ImageDigest>;
  readonly logs: {
    tail(path: string, bytes: number): string;
    size(path: string): number;
    /** Hands on the file that is kept of a log. */
    kept<Kept>(path: string, keep: (path: string) => Promise<Kept>): Promise<Kept>;
    /** A log as its step wrote it, from what is kept of it. */
    plain(kept: Uint8Array): Promise<Uint8Array>;
  };
  checkpoints(settings: Settings): Checkpoints;
  /** True for a clone without its first commits (`git clone --depth`). */
  readonly shallow: boolean;
  /** `local:<digest of the root commit>`; in a shallow clone what its ledger says, else by the oldest commit there. */
  identity(): Promise<string>;
  /** Writes a file of the work tree that did not exist; false where one stands. */
  create(path: string, text: string): boolean;
  /** Replaces a file of the work tree. */
  write(path: string, text: string): void;
  /** Removes bytes of the store that nothing names. */
  collect(
    settings: Settings,
    kept: { readonly live: ReadonlySet<Digest>; readonly runs: ReadonlySet<RunId>; readonly olderThan: number },
  ): Promise<{
    readonly objects: number;
    readonly bytes: number;
    readonly results: number;
    readonly stuck: readonly Stuck[];
  }>;
  /** Disposable files below `.sluice/cache`. */
  readCache(name: string): string | undefined;
  writeCache(name: string, text: string): void;
  /**
   * Changes whenever a result is created, evicted or revoked in the store at `path`; undefined right after such a
   * change, which another one could follow within the same tick of the clock.
   */
  storeStamp(path: string): string | undefined;
  /** Deletes every derived file; they are made anew when needed. */
  dropCaches(): void;
  /** Writes what was learnt about files. */
  save(): void;
}
