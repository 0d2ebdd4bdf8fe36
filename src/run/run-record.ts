import type { CommitSha, Digest, Domain, RunId } from "../identity/identity.ts";
import type { Json } from "../identity/canonical-json.ts";
import type { Isolation, KeyDocument, Profile, StepResult } from "../key/key-document.ts";
import type { MetricSpec } from "../pipeline/pipeline.ts";
import type { TriggerKind } from "../pipeline/trigger-kind.ts";
import type { Cause } from "../plan/plan.ts";

export type RunStatus = "succeeded" | "failed" | "cancelled" | "superseded" | "skipped" | "refused" | "abandoned";

/** Why an attempt did not give a result; each kind has its own sentence (report/failure.ts). */
export type Failure =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "timeout"; readonly limitMs: number }
  | { readonly kind: "oom"; readonly limitBytes: number | null; readonly peakBytes: number | null }
  | { readonly kind: "lost"; readonly why: string }
  | { readonly kind: "missing-output"; readonly paths: readonly string[] }
  | { readonly kind: "wrong-output"; readonly path: string; readonly why: string }
  /** `missing`: what it declares and did not write, often because it wrote the other. */
  | { readonly kind: "undeclared-write"; readonly paths: readonly string[]; readonly missing?: readonly string[] }
  | { readonly kind: "changed-dataset"; readonly dataset: string; readonly path: string }
  | { readonly kind: "disk-full"; readonly path: string }
  | {
      readonly kind: "environment";
      readonly name: string;
      readonly expected: string;
      readonly found: string;
      readonly line: string;
    }
  | { readonly kind: "bad-metrics"; readonly path: string; readonly why: string }
  | { readonly kind: "gate"; readonly metric: string; readonly value: string; readonly gate: string }
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/** What a gate has for the value of a metric that nobody wrote. */
export const NO_VALUE = "missing";

/** A file or module that a failed step named and that exists, but is not among its inputs (SEMANTICS §3). */
export interface NearMiss {
  readonly path: string;
  /** Producing step, or null for a file of the repository. */
  readonly step: string | null;
  /** The corrected `inputs:` list, one entry a line as YAML flow items. */
  readonly inputs: readonly string[];
  /** Of a file that stands in the work tree and git ignores: the dataset that it is, or could be. */
  readonly dataset?: { readonly name: string; readonly declared: boolean };
  /** Of what lies in an environment: what names that, and the program's own name where it is one. */
  readonly environment?: { readonly written: string; readonly program: string | null };
}

export interface AttemptRecord {
  readonly attempt: number;
  readonly startedAt: string;
  readonly profile: Profile;
  readonly failure: Failure | null;
  readonly log: Digest | null;
}

export type StepOutcome =
  | {
      readonly kind: "succeeded";
      readonly result: Digest;
      readonly facts: StepResult["facts"];
      readonly isolation: Isolation;
      readonly cause: Cause;
    }
  | {
      readonly kind: "cached";
      readonly result: Digest;
      readonly facts: StepResult["facts"];
      readonly isolation: Isolation;
      readonly from: RunId;
      readonly domain: Domain;
    }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "cancelled" }
  | { readonly kind: "not-started"; readonly because: string }
  | { readonly kind: "withheld"; readonly why: string };

export interface StepRecord {
  readonly name: string;
  readonly id: string;
  /** Null where an upstream result never came to be, so that the key is not known. */
  readonly key: Digest | null;
  readonly document: KeyDocument | null;
  readonly outcome: StepOutcome;
  /** Terminal steps' outputs are the run's subjects. */
  readonly terminal: boolean;
  /** Observations: never part of the facts. */
  readonly attempts: readonly AttemptRecord[];
  /** Results of this key with other bytes than *the* result (SEMANTICS §4). */
  readonly nonDeterministic: readonly Digest[];
}

/** One deployment: the how many-th of its environment, and of which run of which pipeline. */
export interface Deploys {
  readonly environment: string;
  readonly number: number;
  readonly pipeline: string;
  readonly run: RunId;
}

/** Everything a manifest says, as a value: a manifest renders to bytes and parses back to this. */
export interface RunRecord {
  readonly id: RunId;
  readonly pipeline: { readonly id: string; readonly name: string; readonly path: string };
  readonly repository: string;
  readonly source: CommitSha;
  /** Tree that stores a dirty work tree, null for a clean one. */
  readonly dirty: { readonly tree: string; readonly paths: readonly string[] } | null;
  readonly request: string;
  readonly trigger: TriggerKind;
  readonly requestedBy: string | null;
  readonly approvedBy: readonly string[];
  readonly pullRequest: number | null;
  /** Of a deployment alone. */
  readonly deploys?: Deploys;
  readonly status: RunStatus;
  readonly plan: Digest;
  /** All parameters of the pipeline after overrides. */
  readonly params: Readonly<Record<string, Json>>;
  /** `--param`: recorded, never promotable. */
  readonly overrides: Readonly<Record<string, Json>>;
  readonly environmentDrift: boolean;
  /** Source files that the run read: path → digest (files and directories listed file by file). */
  readonly sources: Readonly<Record<string, Digest>>;
  readonly datasets: readonly {
    readonly name: string;
    readonly path: string;
    readonly digest: Digest;
    readonly size: number;
    readonly uri: string | null;
  }[];
  readonly metricSpecs: readonly Omit<MetricSpec, "at">[];
  readonly steps: readonly StepRecord[];
  /** RFC 3339 UTC; observations. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly host: {
    readonly platform: string;
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly version: string;
  };
}
