import type { JsonObject } from "../identity/canonical-json.ts";
import type { Digest } from "../identity/identity.ts";

/** Line and column of a node in its pipeline file, both from 1; the end is exclusive. */
export type Span = readonly [line: number, column: number, endLine: number, endColumn: number];

/**
 * A valid pipeline: one shape for everything that its author may write in several.
 * It is plain JSON, so that a parsed file can be cached by the digest of its bytes.
 */
export interface Pipeline {
  /** Path of its file in the repository. */
  readonly path: string;
  readonly at: Span;
  readonly name: string;
  /** `id:`, or the name. */
  readonly id: string;
  /** Earlier ids, whose history this pipeline continues. */
  readonly was: readonly string[];
  readonly wasAt: readonly Span[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly triggers: Triggers;
  /** Where `on:` stands; null: nothing is written. */
  readonly on: Span | null;
  readonly params: readonly ParameterSource[];
  readonly datasets: readonly Dataset[];
  /** In the order of the file, `defaults` and pipeline-level keys already merged in. */
  readonly steps: readonly Step[];
  readonly metrics: readonly MetricSpec[];
  readonly concurrency: { readonly group: string; readonly keep: "latest" | "all" } | null;
}

export interface Triggers {
  /** `default`: the default branch when nothing is written. */
  readonly push: false | { readonly branches: readonly string[] | "default"; readonly paths: readonly string[] | null };
  readonly pullRequest: "plan" | "run" | false;
  readonly schedule: readonly Schedule[];
  readonly upstream: readonly Upstream[];
}

/** A pipeline, by its id, whose success starts this one. */
export interface Upstream {
  readonly at: Span;
  readonly pipeline: string;
}

export interface Schedule {
  readonly at: Span;
  readonly cron: string;
  readonly timezone: string;
  readonly refresh: readonly string[];
  readonly params: JsonObject;
  readonly catchUp: "last" | "all" | "none";
}

export type ParameterSource =
  | { readonly kind: "file"; readonly path: string; readonly at: Span }
  | { readonly kind: "map"; readonly values: JsonObject; readonly at: Span };

export type Dataset = { readonly name: string; readonly at: Span; readonly optional: boolean } & (
  | { readonly kind: "path"; readonly path: string; readonly uri: string | null; readonly pin: string | null }
  | { readonly kind: "dvc"; readonly file: string }
  | {
      readonly kind: "output";
      readonly pipeline: string;
      readonly path: string;
      readonly from: { readonly run: "latest" } | { readonly release: string };
    }
);

export type Command =
  | { readonly kind: "shell"; readonly shell: "bash" | "sh"; readonly script: string; readonly at: Span }
  | { readonly kind: "argv"; readonly argv: readonly string[]; readonly at: Span };

/** One entry of `inputs:` or `code:` as written; what it matches is the resolver's work. */
export type Input = { readonly at: Span; readonly optional: boolean; readonly code: boolean } & (
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "glob"; readonly glob: string }
  | { readonly kind: "exclude"; readonly glob: string }
  | { readonly kind: "dataset"; readonly dataset: string }
  | { readonly kind: "step"; readonly step: string; readonly path: string }
  | { readonly kind: "release"; readonly path: string }
);

/** A declared output; a path written with a trailing slash must become a directory. */
export interface Output {
  readonly at: Span;
  readonly path: string;
  readonly directory: boolean;
  /** For people and promotion only: `model`, `report` …; never in a key. */
  readonly type: string | null;
}

export interface MetricFile {
  readonly at: Span;
  readonly path: string;
}

export interface Plot {
  readonly at: Span;
  readonly name: string;
  readonly series: readonly { readonly name: string; readonly path: string }[];
  readonly x: string | null;
  readonly y: string | null;
  readonly kind: "line" | "scatter" | "bar" | "heatmap" | "image";
}

export type Environment =
  /** `written` where somebody said so: otherwise nobody may have thought of it. */
  | { readonly kind: "system"; readonly written?: true }
  | { readonly kind: "venv"; readonly path: string; readonly lock: string | null }
  | { readonly kind: "uv"; readonly path: string; readonly lock: string }
  | { readonly kind: "conda"; readonly name: string; readonly lock: string | null }
  | { readonly kind: "node"; readonly lock: string }
  | { readonly kind: "image"; readonly image: string; readonly digest: Digest };

export type RetryReason = "lost" | "error" | "timeout" | "oom" | `exit:${number}`;

export interface Retry {
  readonly attempts: number;
  readonly on: readonly RetryReason[];
  readonly backoff: "exponential" | "fixed";
  readonly delayMs: number;
  /** True where the step itself, not `defaults`, says so (SEMANTICS §3, effects). */
  readonly own: boolean;
}

export interface Resources {
  /** Cores, may be a fraction. */
  readonly cpu: number;
  /** Bytes; attempt n gets min(base × factor^(n−1), max). Null: not requested. */
  readonly memory: { readonly base: number; readonly factor: number; readonly max: number } | null;
  readonly gpu: number;
  readonly pool: string;
}

export interface Step {
  readonly at: Span;
  readonly name: string;
  readonly id: string;
  readonly description: string | null;
  readonly command: Command;
  /** Own `inputs:` first, then `code:` (the step's own, else the pipeline's). */
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly needs: readonly { readonly step: string; readonly at: Span }[];
  readonly params: readonly { readonly name: string; readonly at: Span }[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly { readonly name: string; readonly at: Span }[];
  readonly network: boolean;
  readonly metrics: readonly MetricFile[];
  readonly plots: readonly Plot[];
  /** A directory that survives failed attempts; never in a key. */
  readonly checkpoint: { readonly path: string; readonly at: Span } | null;
  readonly executor: "process" | "container" | "slurm" | "kubernetes";
  readonly environment: Environment;
  /** Where it was written, be it for all steps; absent where nobody did. */
  readonly environmentAt?: Span;
  readonly tools: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly timeoutMs: number | null;
  readonly retry: Retry;
  readonly priority: number;
  readonly cache: boolean;
  readonly effects: boolean;
  readonly salt: string;
}

/** How to read one number: `accuracy: { step, goal, tolerance, gate }`. */
export interface MetricSpec {
  readonly at: Span;
  readonly name: string;
  readonly step: string;
  readonly goal: "higher" | "lower" | null;
  readonly tolerance: { readonly kind: "absolute" | "relative"; readonly value: number } | null;
  readonly gate: { readonly operator: ">=" | ">" | "<=" | "<" | "=="; readonly bound: number } | null;
  readonly gateAction: "stop" | "report";
}
