import type { Json } from "../identity/canonical-json.ts";
import { digestOfJson, hexOf, type Digest } from "../identity/identity.ts";
import type { OutputRecord, StepResult } from "../key/key-document.ts";
import type { AttemptRecord, Failure, RunRecord, StepOutcome, StepRecord } from "../run/run-record.ts";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://slsa.dev/provenance/v1";
/** Our own facts ride under this name; a consumer of plain SLSA ignores it. */
export const EXTENSION = "https://sluice.dev/run/v1";
export const MANIFEST_VERSION = 1;

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
    | { readonly kind: "not-started"; readonly because: string }
    | { readonly kind: "withheld"; readonly why: string };
}

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

export interface StepObservations {
  readonly name: string;
  /** How a done step came by its result. */
  readonly how:
    | Pick<Extract<StepOutcome, { kind: "succeeded" }>, "isolation" | "cause">
    | Pick<Extract<StepOutcome, { kind: "cached" }>, "isolation" | "from" | "domain">
    | null;
  readonly attempts: readonly AttemptRecord[];
  readonly nonDeterministic: readonly Digest[];
}

export interface Observations {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly host: RunRecord["host"];
  readonly steps: readonly StepObservations[];
}

export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, Json>>;
}

export interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly ResourceDescriptor[];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: Readonly<Record<string, unknown>>;
      readonly internalParameters: Readonly<Record<string, unknown>>;
      readonly resolvedDependencies: readonly ResourceDescriptor[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: Readonly<Record<string, string>> };
      readonly metadata: { readonly invocationId: string; readonly startedOn: string; readonly finishedOn: string };
      readonly byproducts: readonly ResourceDescriptor[];
    };
    readonly [EXTENSION]: { readonly manifest: number; readonly facts: Facts; readonly observations: Observations };
  };
}

/** The part of a record that never depends on timing: its digest is equal for equal work. */
export function factsOf(record: RunRecord): Facts {
  return {
    run: record.id,
    pipeline: record.pipeline,
    repository: record.repository,
    source: record.source,
    dirty: record.dirty,
    request: record.request,
    trigger: record.trigger,
    requestedBy: record.requestedBy,
    approvedBy: record.approvedBy,
    pullRequest: record.pullRequest,
    status: record.status,
    plan: record.plan,
    params: record.params,
    overrides: record.overrides,
    environmentDrift: record.environmentDrift,
    sources: record.sources,
    datasets: record.datasets,
    metrics: record.metricSpecs,
    steps: byName(record.steps).map(stepFacts),
  };
}

/** Steps stand in manifests by name: neither the order of the file nor that of finishing shows. */
function byName<Named extends { readonly name: string }>(steps: readonly Named[]): readonly Named[] {
  return steps.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function stepFacts({ name, id, key, terminal, outcome }: StepRecord): StepFacts {
  const shared = { name, id, key, terminal };
  if (outcome.kind === "succeeded" || outcome.kind === "cached") {
    return { ...shared, outcome: { kind: "done", result: outcome.result, facts: outcome.facts } };
  }
  return { ...shared, outcome };
}

/** The record as an in-toto Statement v1 with the SLSA provenance v1 predicate. */
export function statementOf(record: RunRecord): Statement {
  return {
    _type: STATEMENT_TYPE,
    subject: subjects(record),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: EXTENSION,
        externalParameters: {
          pipeline: record.pipeline.path,
          request: record.request,
          params: record.params,
          overrides: record.overrides,
        },
        internalParameters: { plan: record.plan, trigger: record.trigger },
        resolvedDependencies: dependencies(record),
      },
      runDetails: {
        builder: { id: `${EXTENSION}/builder/local`, version: { sluice: record.host.version } },
        metadata: { invocationId: record.id, startedOn: record.startedAt, finishedOn: record.finishedAt },
        byproducts: logs(record),
      },
      [EXTENSION]: { manifest: MANIFEST_VERSION, facts: factsOf(record), observations: observationsOf(record) },
    },
  };
}

/** The bytes of `manifest.json`. */
export function renderManifest(record: RunRecord): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(statementOf(record), null, 1)}\n`);
}

/** subject[0] is the request itself, so that a failed run has a subject too. */
function subjects(record: RunRecord): readonly ResourceDescriptor[] {
  const request = digestOfJson([record.repository, record.pipeline.id, record.source, record.request]);
  const outputs = byName(record.steps).flatMap((step) => {
    const { outcome } = step;
    if (!step.terminal || (outcome.kind !== "succeeded" && outcome.kind !== "cached")) return [];
    return outcome.facts.outputs.map((output) => ({ name: output.path, digest: digestSet(output) }));
  });
  return [{ name: `run/${record.id}`, digest: { sha256: hexOf(request) } }, ...outputs];
}

/** A directory's digest is over its listing and therefore bears a name of its own. */
function digestSet(output: Pick<OutputRecord, "kind" | "digest">): Readonly<Record<string, string>> {
  return output.kind === "directory" ? { sluiceListing1: hexOf(output.digest) } : { sha256: hexOf(output.digest) };
}

function dependencies(record: RunRecord): readonly ResourceDescriptor[] {
  return [
    { uri: `git+${record.repository}`, digest: { gitCommit: record.source }, annotations: { role: "source" } },
    ...Object.entries(record.sources).map(([path, digest]) => ({
      name: path,
      uri: `file:${encodeURI(path)}`,
      digest: { sha256: hexOf(digest) },
      annotations: { role: "input" },
    })),
    ...record.datasets.map(({ name, path, digest, uri }) => ({
      name,
      uri: uri ?? `file:${encodeURI(path)}`,
      digest: { sha256: hexOf(digest) },
      annotations: { role: "dataset" },
    })),
  ];
}

function logs(record: RunRecord): readonly ResourceDescriptor[] {
  return byName(record.steps).flatMap((step) =>
    step.attempts.flatMap((attempt) =>
      attempt.log === null
        ? []
        : [{ name: `log/${step.name}/${attempt.attempt}`, digest: { sha256: hexOf(attempt.log) } }],
    ),
  );
}

function observationsOf(record: RunRecord): Observations {
  return {
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    host: record.host,
    steps: byName(record.steps).map(({ name, outcome, attempts, nonDeterministic }) => ({
      name,
      how: howOf(outcome),
      attempts,
      nonDeterministic,
    })),
  };
}

function howOf(outcome: StepOutcome): StepObservations["how"] {
  if (outcome.kind === "succeeded") return { isolation: outcome.isolation, cause: outcome.cause };
  if (outcome.kind === "cached") return { isolation: outcome.isolation, from: outcome.from, domain: outcome.domain };
  return null;
}
