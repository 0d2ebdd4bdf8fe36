import type { Digest } from "../identity/identity.ts";
import type { KeyDocument, StepResult } from "../key/key-document.ts";
import type { Cause, WorkStep } from "../plan/plan.ts";
import type { AttemptRecord, Failure, NearMiss } from "./run-record.ts";

/** What became of one step; `attempts` are all that were made in this run. */
export interface StepTrace {
  readonly step: WorkStep;
  key: Digest | null;
  document: KeyDocument | null;
  result: StepResult | null;
  cached: boolean;
  cause: Cause;
  failure: Failure | null;
  tail: readonly string[];
  nearMiss: NearMiss | undefined;
  cancelled: boolean;
  attempts: AttemptRecord[];
  different: readonly Digest[];
}
