import type { Digest } from "../identity/identity.ts";
import type { KeyDocument, StepResult } from "../key/key-document.ts";
import type { Cause, WorkStep } from "../plan/plan.ts";
import type { AttemptRecord, Failure, NearMiss } from "./run-record.ts";

/** One attempt of one step, as a slot receives it. */
export interface StepJob {
  readonly id: string;
  readonly step: WorkStep;
  readonly document: KeyDocument;
  readonly key: Digest;
  readonly attempt: number;
  readonly cause: Cause;
  readonly forced: boolean;
  readonly memoryBytes: number | null;
  readonly upstream: (step: string) => StepResult | undefined;
}

export type StepEnd =
  | {
      readonly kind: "succeeded";
      readonly result: StepResult;
      readonly digest: Digest;
      readonly attempt: AttemptRecord;
      readonly different: readonly Digest[];
    }
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      readonly attempt: AttemptRecord;
      readonly tail: readonly string[];
      readonly nearMiss: NearMiss | undefined;
    }
  | { readonly kind: "cancelled"; readonly attempt: AttemptRecord | null };
