import type { Executor } from "../executor/executor.ts";
import type { JsonObject } from "../identity/canonical-json.ts";
import type { Deploys, RunRecord } from "../run/run-record.ts";
import type { Store } from "../store/store.ts";
import type { Runnable, RunFlags } from "./runnable.ts";
import type { StartedExecutor } from "./started-executor.ts";

export interface Execution {
  readonly due: readonly Runnable[];
  readonly overrides: JsonObject;
  readonly flags: Pick<RunFlags, "keepGoing" | "fix" | "checkout" | "force" | "allowEnvironmentDrift">;
  /** Runs asked for otherwise than by `sluice run`: `retry:…`, `deploy:…`. */
  readonly request?: string;
  /** What is deployed; absent: nothing. */
  readonly deploys?: Deploys;
  /** Told what is recorded of each run. */
  readonly onRecorded?: (record: RunRecord) => void;
}

/** One pipeline of an execution. */
export interface One {
  readonly store: Store;
  readonly executor: Executor;
  /** Disposed of when the steps have ended; undefined where more come. */
  readonly done: StartedExecutor | undefined;
  readonly runnable: Runnable;
  readonly execution: Execution;
}
