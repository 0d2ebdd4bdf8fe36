import type { Clock } from "../../clock/clock.ts";
import type { Executor, StagedInput } from "../../executor/executor.ts";
import type { JsonObject } from "../../identity/canonical-json.ts";
import type { Domain, RunId } from "../../identity/identity.ts";
import type { Step } from "../../pipeline/pipeline.ts";
import type { Whereabouts } from "../../run/near-miss.ts";
import type { Deploys, Failure } from "../../run/run-record.ts";
import type { SecretValues } from "../../run/secret-values.ts";
import type { StepJob } from "../../run/step-job.ts";
import type { Checkpoints } from "../../store/checkpoints.ts";
import type { Store } from "../../store/store.ts";

export interface StepPorts {
  readonly executor: Executor;
  readonly store: Store;
  readonly clock: Clock;
  /** The last bytes of a log, and the whole of it as it is kept. */
  readonly logs: {
    tail(path: string, bytes: number): string;
    size(path: string): number;
    kept<Kept>(path: string, keep: (path: string) => Promise<Kept>): Promise<Kept>;
  };
  /** What the attempts of one key hand on to each other. */
  readonly checkpoints: Checkpoints;
}

export interface StepContext {
  readonly run: RunId;
  readonly domain: Domain;
  /** Everything the step reads, found in the work tree, a commit or the store. */
  readonly stage: (job: StepJob) => Promise<readonly StagedInput[] | Failure>;
  /** Resolved at spawn; a step without grants is refused before. */
  readonly secrets: (step: Step) => SecretValues;
  /** Declared values of a step, after overrides. */
  readonly params: (step: Step) => JsonObject;
  /** Where a path exists: as a file of the repository, as another step's output, or as data beside them. */
  readonly exists: (path: string) => Whereabouts | undefined;
  /** Where the repository stands on this machine; absent where it does not. */
  readonly root?: string;
  /** Said after the step: the first input whose bytes are no longer those of the key. */
  readonly changed: (job: StepJob) => Promise<Failure | undefined>;
  readonly requestedBy: string | null;
  /** `require`: refused where no sandbox can be made; absent where the executor knows by itself. */
  readonly sandbox?: "auto" | "require";
  /** What the step deploys; null: nothing. */
  readonly deploys: Deploys | null;
  /** Somebody else may perform the attempt by now: nothing of it is kept; absent where nobody can. */
  readonly lost?: AbortSignal;
  /** The step's process begins now. */
  readonly started: (job: StepJob) => void;
  /** Reads an attempt's log along, for whoever follows it; absent where nobody can. */
  readonly follow?: (job: StepJob, log: string, secrets: readonly string[]) => Following;
}

/** A log that is read along. */
export interface Following {
  /** The log is put in order next: what was not read of it is read now. */
  drain(): void;
  /** Ends when everything that was read has been told. */
  end(): Promise<void>;
}
