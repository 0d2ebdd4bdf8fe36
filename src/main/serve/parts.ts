import type { Logger } from "pino";

import type { Clock } from "../../clock/clock.ts";
import { type Accepted } from "../../controller/accept-run.ts";
import type { StepProgress } from "../../run/step-progress.ts";
import { type Progress } from "../run/progress.ts";
import type { Forges } from "../../forge/forge.ts";
import type { RunProgram } from "../../git/run-program.ts";
import { type CommitSha, type RunId } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { type ForgeRepository } from "./forge-repository.ts";
import { type StagedJob } from "../../controller/attempt-payload.ts";
import type { Tracing } from "./tracing.ts";
import type { FairPool } from "../../queue/fair-pool.ts";
import type { Leases } from "../../queue/queue.ts";
import type { QueueDispatcher } from "../../queue/queue-dispatcher.ts";
import type { CheckBundle } from "../../manifest/bundle.ts";
import type { Operator } from "../../pipeline/operator.ts";
import type { RunRecord } from "../../run/run-record.ts";
import { type StepEnd } from "../../run/step-job.ts";
import { type RunOrder } from "../../run/request.ts";
import type { SpendWrites } from "../../scheduling/write-budget.ts";
import type { Signer } from "../../signer/signer.ts";
import type { BegunAttempts } from "../../store/begun-attempts.ts";
import type { Collector } from "../../store/collector.ts";
import type { Store } from "../../store/store.ts";
import type { StepMetrics } from "../../web/step-metrics.ts";

export interface ServiceParts {
  readonly forges: Forges;
  readonly clock: Clock;
  readonly store: Store;
  /** Housekeeping of the store. */
  readonly collector: Collector;
  readonly log: Pick<Logger, "info" | "warn">;
  /** What workers began, whatever became of it. */
  readonly begun: BegunAttempts;
  /** Whose turn it is in a pool of workers. */
  readonly pool: (name: string) => Pick<FairPool, "open" | "largest">;
  readonly leases: Leases;
  /** One budget of content writes for the outbox and for what promotions write. */
  readonly spend: SpendWrites;
  readonly onError: (error: unknown) => void;
  readonly tracing: Tracing;
  readonly steps: StepMetrics;
  /** Hands a run's attempts to the workers. */
  readonly dispatcher: (run: RunId, pool: string) => Promise<QueueDispatcher<StagedJob, StepEnd>>;
  readonly signer: Signer;
  /** What checks Sigstore bundles by the operator's file; absent where that lists nobody. */
  readonly checkBundle?: CheckBundle | undefined;
  /** SLUICE_DATA. */
  readonly data: string;
  /** The git binary. */
  readonly program: string;
  /** How git is run. */
  readonly run: RunProgram;
  readonly ledger: string;
  readonly variable: (name: string) => string | undefined;
  readonly operator: Operator;
  readonly version: string;
  readonly slots: number;
  /** Requested runs that took longer than this (ms) ring a bell. */
  readonly bellAfterMs: number;
}

/** A run whose steps are known and handed out from now on. */
export interface Begun {
  readonly order: RunOrder;
  readonly steps: readonly string[];
  readonly pools: readonly string[];
}

/** A service's hands: what its doors reach for one repository at a time. */
export interface Service {
  readonly parts: ServiceParts;
  repository(ref: RepositoryRef): Promise<ForgeRepository>;
  /** Says once that a repository's ledger knows no key of ours. */
  tellNewKey(repository: ForgeRepository): Promise<void>;
  accept(repository: ForgeRepository, order: RunOrder): Promise<Accepted>;
  /** Runs that we accepted and that are not recorded, among these refs. */
  open(repository: ForgeRepository, refs: ReadonlyMap<string, CommitSha>): Promise<readonly RunOrder[]>;
  /** Runs that we accepted and that neither these refs nor the ledger show any more. */
  lost(repository: ForgeRepository, refs: ReadonlyMap<string, CommitSha>): Promise<readonly RunOrder[]>;
  /** Executes and records an accepted run; null where there was nothing to end. */
  run(
    repository: ForgeRepository,
    id: RunId,
    stop: {
      /** It was asked to stop. */
      readonly signal: AbortSignal;
      /** It is no longer ours, and goes on elsewhere. */
      readonly left: AbortSignal;
      /** What a run that was stopped is recorded as; null: it was not asked to stop. */
      readonly as: () => "cancelled" | "superseded" | null;
      readonly onBegin: (begun: Begun) => void;
      readonly onProgress: (progress: Progress, event: StepProgress) => void;
    },
  ): Promise<
    | { readonly kind: "recorded"; readonly record: RunRecord }
    | { readonly kind: "nothing" }
    | { readonly kind: "again"; readonly afterMs: number; readonly why: string }
  >;
}
