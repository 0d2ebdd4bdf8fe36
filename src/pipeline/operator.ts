import type { Settings } from "./settings.ts";

export interface OperatorPool {
  readonly concurrency: number;
  /** Triggers that may use it; null: all. */
  readonly on: readonly string[] | null;
  readonly executors: readonly ("process" | "container" | "slurm" | "kubernetes")[];
  readonly domains: readonly ("main" | "pr" | "fork")[];
  readonly platform: string;
  readonly accelerator: string | null;
  readonly usdPerHour: number | null;
  readonly untrusted: boolean;
}

export type OperatorStore =
  | { readonly kind: "filesystem"; readonly path: string }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      readonly prefix: string;
      readonly region: string | null;
      readonly endpoint: string | null;
      /** Null: where there is an endpoint. */
      readonly pathStyle: boolean | null;
    };

export type Isolation = "workspace" | "sandbox" | "container";

/** Limits of one repository; null is no limit, sizes are bytes. */
export interface Quotas {
  readonly runsPerDay: number | null;
  readonly stepsAtOnce: number | null;
  readonly stepsPerRun: number | null;
  readonly artifactBytes: number | null;
  readonly storeBytes: number | null;
}

/** The operator's file in its only shape. */
export interface Operator {
  /** What the file shares with `sluice.yaml`. */
  readonly settings: Settings;
  /** Shared keys that the file itself writes: only these bind a repository. */
  readonly written: readonly string[];
  readonly installations: readonly {
    readonly account: string;
    readonly repositories: readonly string[];
    readonly sources: readonly string[];
  }[];
  readonly store: OperatorStore | null;
  readonly pools: Readonly<Record<string, OperatorPool>>;
  readonly leastIsolation: Isolation;
  readonly largestWeight: number;
  readonly secretBackends: readonly ("env" | "file")[];
  /** Null: any public host. */
  readonly datasetHosts: readonly string[] | null;
  readonly quotas: Quotas;
  readonly signingKeys: readonly { readonly id: string; readonly public: string; readonly retired: boolean }[];
}
