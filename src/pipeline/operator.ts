import type { Settings } from "./settings.ts";

export interface OperatorPool {
  readonly concurrency: number;
  /** Triggers that may use it; null: all. */
  readonly on: readonly string[] | null;
  readonly executors: readonly ("process" | "container" | "slurm" | "kubernetes")[];
  /** Null: it has no executor `kubernetes`. */
  readonly kubernetes: KubernetesPool | null;
  readonly domains: readonly ("main" | "pr" | "fork")[];
  readonly platform: string;
  readonly accelerator: string | null;
  readonly usdPerHour: number | null;
  readonly untrusted: boolean;
}

/** Where Jobs of Kubernetes are made, and which nodes take them. */
export interface KubernetesPool {
  readonly namespace: string;
  /** The PersistentVolumeClaim that holds `SLUICE_DATA`. */
  readonly claim: string;
  /** Where `SLUICE_DATA` lies in the claim; empty: its root. */
  readonly path: string;
  /** The resource that a GPU is. */
  readonly gpu: string;
  /** How long a Job may wait for a node. */
  readonly pendingMs: number;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly {
    readonly key: string;
    readonly value: string | null;
    readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute" | null;
  }[];
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
