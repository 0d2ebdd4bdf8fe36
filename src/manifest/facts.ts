import { digestOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import type { Deploys, Failure, RunRecord, StepRecord } from "../run/run-record.ts";
import { inOrder } from "./in-order.ts";

/** A step as the facts have it: nothing here depends on finishing order, timing, or what a cache held. */
export interface StepFacts {
  readonly name: string;
  readonly id: string;
  readonly key: Digest | null;
  readonly terminal: boolean;
  readonly outcome:
    | { readonly kind: "done"; readonly result: Digest; readonly facts: StepResult["facts"] }
    | { readonly kind: "failed"; readonly failure: Failure }
    | { readonly kind: "cancelled" }
    | { readonly kind: "not-started" }
    | { readonly kind: "withheld"; readonly why: string };
}

/** What a run was and gave; steps stand in the order of the work order. */
export interface Facts {
  readonly run: RunRecord["id"];
  readonly pipeline: RunRecord["pipeline"];
  readonly repository: string;
  readonly source: RunRecord["source"];
  readonly dirty: RunRecord["dirty"];
  readonly request: string;
  readonly trigger: RunRecord["trigger"];
  readonly requestedBy: string | null;
  readonly approvedBy: readonly string[];
  readonly pullRequest: number | null;
  readonly deploys?: Deploys;
  readonly status: RunRecord["status"];
  readonly plan: Digest;
  readonly params: RunRecord["params"];
  readonly overrides: RunRecord["overrides"];
  readonly environmentDrift: boolean;
  readonly sources: RunRecord["sources"];
  readonly datasets: RunRecord["datasets"];
  readonly metrics: RunRecord["metricSpecs"];
  readonly steps: readonly StepFacts[];
}

/** The part of a record that never depends on timing. */
export function factsOf(record: RunRecord): Facts {
  return {
    run: record.id,
    pipeline: inOrder(record.pipeline),
    repository: record.repository,
    source: record.source,
    dirty: inOrder(record.dirty),
    request: record.request,
    trigger: record.trigger,
    requestedBy: record.requestedBy,
    approvedBy: record.approvedBy,
    pullRequest: record.pullRequest,
    ...(record.deploys !== undefined && { deploys: inOrder(record.deploys) }),
    status: record.status,
    plan: record.plan,
    params: inOrder(record.params),
    overrides: inOrder(record.overrides),
    environmentDrift: record.environmentDrift,
    sources: inOrder(record.sources),
    datasets: inOrder(record.datasets),
    metrics: inOrder(record.metricSpecs),
    steps: record.steps.map(stepFacts),
  };
}

/** One digest for all facts of a run: whoever finished first, and whatever a cache held, it is the same. */
export function factsDigest(record: RunRecord): Digest {
  return digestOf(JSON.stringify(factsOf(record)));
}

function stepFacts({ name, id, key, terminal, outcome }: StepRecord): StepFacts {
  return { name, id, key, terminal, outcome: outcomeFacts(outcome) };
}

function outcomeFacts(outcome: StepRecord["outcome"]): StepFacts["outcome"] {
  switch (outcome.kind) {
    case "succeeded":
    case "cached":
      return { kind: "done", result: outcome.result, facts: inOrder(outcome.facts) };
    case "failed":
      return { kind: "failed", failure: inOrder(measureless(outcome.failure)) };
    case "not-started":
      // Which of two failed steps stopped this one is a matter of who was first.
      return { kind: "not-started" };
    case "cancelled":
      return { kind: "cancelled" };
    case "withheld":
      return { kind: "withheld", why: outcome.why };
  }
}

/** A peak is measured and differs from one attempt to the next: it belongs to the observations. */
function measureless(failure: Failure): Failure {
  return failure.kind === "oom" ? { ...failure, peakBytes: null } : failure;
}
