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
      /** What it wrote that is most likely not as meant; nothing of it is recorded. */
      readonly remarks?: readonly string[];
    }
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      readonly attempt: AttemptRecord;
      readonly tail: readonly string[];
      readonly nearMiss: NearMiss | undefined;
    }
  | { readonly kind: "cancelled"; readonly attempt: AttemptRecord | null }
  /** Another run computed it meanwhile. */
  | { readonly kind: "found"; readonly result: StepResult; readonly attempt: null };

/** The end of an attempt of which nothing was seen: it never began, or its worker died with it. `now` in ms since 1970. */
export function endedUnseen({ attempt }: Pick<StepJob, "attempt">, failure: Failure, now: number): StepEnd {
  const profile = { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" } as const;
  const record = { attempt, startedAt: new Date(now).toISOString(), profile, failure, log: null };
  return { kind: "failed", failure, attempt: record, tail: [], nearMiss: undefined };
}

const LONGEST_WHY = 200;

/** A surprise while an attempt was performed ends that attempt and not its run: it may not happen again. */
export function endedBroken(job: Pick<StepJob, "attempt">, error: unknown, now: number): StepEnd {
  const [words = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return endedUnseen(job, { kind: "lost", why: `what performed it failed, ${words.slice(0, LONGEST_WHY)}` }, now);
}
