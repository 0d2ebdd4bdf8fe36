import type { Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import type { Cause, WorkStep } from "../plan/plan.ts";
import type { Failure } from "./run-record.ts";
import type { StepEnd } from "./step-job.ts";

/** What a run tells while it goes on. */
export type StepProgress =
  | { readonly kind: "cached"; readonly step: WorkStep; readonly key: Digest; readonly result: StepResult }
  | { readonly kind: "started"; readonly step: WorkStep; readonly attempt: number; readonly cause: Cause }
  | { readonly kind: "ended"; readonly step: WorkStep; readonly end: Exclude<StepEnd, { kind: "found" }> }
  | {
      readonly kind: "retrying";
      readonly step: WorkStep;
      readonly failure: Failure;
      readonly attempt: number;
      readonly delayMs: number;
    }
  | {
      readonly kind: "gate";
      readonly step: WorkStep;
      readonly failure: Extract<Failure, { kind: "gate" }>;
      readonly stops: boolean;
    };
