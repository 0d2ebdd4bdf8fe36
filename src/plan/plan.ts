import type { Digest, RunId } from "../identity/identity.ts";
import type { Json } from "../identity/canonical-json.ts";
import type { DirectoryPart } from "../key/concrete.ts";
import type { KeyDocument, KeyInput, StepResult } from "../key/key-document.ts";
import type { MetricSpec, Step } from "../pipeline/pipeline.ts";

/** An input of a work step: known now, or an output of another step. */
export type WorkInput =
  /** Bytes that are there: files below a directory input are listed for staging. */
  | { readonly kind: "source"; readonly entry: KeyInput; readonly files: readonly string[] }
  | { readonly kind: "dataset"; readonly entry: KeyInput; readonly name: string }
  /** `path` equals the declared `output` or lies inside it. */
  | { readonly kind: "output"; readonly path: string; readonly step: string; readonly output: string };

/** A step of a work order: its symbolic key document and what a worker needs beside it. */
export interface WorkStep {
  readonly name: string;
  readonly id: string;
  /** Symbolic: outputs of other steps stand as `step:<key>:<path>`. */
  readonly document: KeyDocument;
  /** keyOf(document): names the step in the work order without its name. */
  readonly symbol: Digest;
  readonly inputs: readonly WorkInput[];
  /** Names of steps that must succeed before: producers of inputs, then `needs`, each once. */
  readonly after: readonly string[];
  readonly step: Step;
  /** Set where the lock of its environment leaves open what is installed; in no key. */
  readonly loose?: true;
}

/** What a commit would run: a pure function of trees and settings (SEMANTICS §5). */
export interface WorkOrder {
  readonly pipeline: { readonly id: string; readonly name: string; readonly path: string };
  /** In a topological order that depends on names only by code unit. */
  readonly steps: readonly WorkStep[];
  readonly metrics: readonly MetricSpec[];
  /** `Sluice-Plan`: over the sorted symbols, so that renames and order never change it. */
  readonly digest: Digest;
  /** All parameters of the pipeline as read, for reports. */
  readonly params: Readonly<Record<string, Json>>;
  /** True when every step has an image, or a lock that pins what is installed. */
  readonly pinned: boolean;
}

/** One difference of two key documents, small enough for a line of a report. */
export type Change =
  | { readonly kind: "command"; readonly from: string; readonly to: string }
  | { readonly kind: "image"; readonly from: string | null; readonly to: string | null }
  | { readonly kind: "environment"; readonly name: string; readonly from: string | null; readonly to: string | null }
  | {
      readonly kind: "parameter";
      readonly name: string;
      readonly from: Json | undefined;
      readonly to: Json | undefined;
    }
  | { readonly kind: "input"; readonly path: string; readonly change: "added" | "removed" | "changed" }
  | { readonly kind: "upstream"; readonly path: string; readonly step: string }
  | {
      readonly kind: "outputs" | "metrics" | "plots" | "network" | "secrets" | "salt" | "executor" | "platform";
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: "key-version"; readonly from: number; readonly to: number };

/** Why a step runs; root causes and cascades are told apart by `Verdict.kind`. */
export type Cause =
  | { readonly kind: "first-run" }
  | { readonly kind: "changed"; readonly changes: readonly Change[] }
  | { readonly kind: "forced" }
  | { readonly kind: "uncached"; readonly why: "cache: false" | "effects" }
  /** A result was there once: its bytes were removed, or are in another store. */
  | { readonly kind: "evicted" }
  /** Known key without a result although nothing changed: a run that failed or was interrupted. */
  | { readonly kind: "unfinished"; readonly failed?: PastFailure };

export type Verdict =
  | { readonly kind: "run"; readonly key: Digest; readonly cause: Cause }
  | { readonly kind: "cached"; readonly key: Digest; readonly result: StepResult; readonly from: RunId }
  /** Runs if one of `on` gives other bytes; `changes` are this step's own differences (then it runs in any case). */
  | {
      readonly kind: "depends";
      readonly on: readonly string[];
      readonly root: readonly string[];
      readonly changes: readonly Change[];
    }
  /** Effects without leave (`--with-effects`, no pull request): not part of this run. */
  | { readonly kind: "withheld"; readonly why: string };

export interface StepForecast {
  readonly step: string;
  readonly verdict: Verdict;
  /** From at least three runs of this step: median and median absolute deviation. */
  readonly time: { readonly medianMs: number; readonly spreadMs: number } | null;
}

/** What would happen, judged by the ledger's facts; shown, never compared. */
export interface Forecast {
  readonly steps: readonly StepForecast[];
  /** Steps of the previous run that this work order has no more. */
  readonly removed: readonly string[];
}

/** How a step ended that failed before. */
export interface PastFailure {
  readonly run: RunId;
  /** Half a sentence of our own, in which backticks mark code. */
  readonly why: string;
}

/** One step of an earlier run, as forecasts and explanations need it. */
export interface PastStep {
  readonly name: string;
  readonly id: string;
  readonly key: Digest;
  readonly document: KeyDocument;
  readonly result: Digest | null;
  readonly failed?: PastFailure;
}

/** The ledger's and the store's facts that a forecast reads; asked lazily, answered synchronously. */
export interface Facts {
  /** The result that this domain may read for a key. */
  result(key: Digest): StepResult | undefined;
  /** True when a result was there once and its bytes were removed. */
  evicted(key: Digest): boolean;
  /** Steps of the run that causes are told against: newest run of the pipeline, or the base of a comparison. */
  previous(): readonly PastStep[];
  /** What stands at a path inside a stored directory. */
  part(directory: Digest, path: string): DirectoryPart;
  /** Wall times (ms) of earlier attempts of a step, newest first. */
  durations(step: string): readonly number[];
}
