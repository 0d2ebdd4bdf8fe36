import type { Json } from "../identity/canonical-json.ts";
import { digestOfJson, hexOf, type Digest } from "../identity/identity.ts";
import type { OutputRecord } from "../key/key-document.ts";
import type { RunRecord, StepRecord } from "../run/run-record.ts";
import type { Facts } from "./facts.ts";
import { inOrder } from "./in-order.ts";
import type { Observations } from "./observations.ts";
import type { Body, Parts } from "./parts.ts";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://slsa.dev/provenance/v1";
/** Our own facts ride under this name; a consumer of plain SLSA ignores it. */
export const EXTENSION = "https://sluice.dev/run/v1";
export const MANIFEST_VERSION = 1;

export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, Json>>;
}

export interface Extension {
  readonly manifest: number;
  /** What stands in files of its own beside the manifest; empty for all but very large runs. */
  readonly parts: Parts;
  readonly facts: Facts;
  readonly observations: Observations;
}

/** An in-toto Statement v1 with the SLSA provenance v1 predicate. */
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
    readonly [EXTENSION]: Extension;
  };
}

/** The record as a statement; `body` is what stands inside, `parts` what stands beside it. */
export function statementOf(record: RunRecord, body: Body, parts: Parts): Statement {
  return {
    _type: STATEMENT_TYPE,
    subject: subjects(record, parts),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: EXTENSION,
        externalParameters: {
          pipeline: record.pipeline.path,
          request: record.request,
          ...(parts.params === undefined
            ? { params: body.facts.params, overrides: body.facts.overrides }
            : { listing: parts.params.digest }),
        },
        internalParameters: { plan: record.plan, trigger: record.trigger },
        resolvedDependencies: dependencies(record, parts),
      },
      runDetails: {
        builder: { id: `${EXTENSION}/builder/local`, version: { sluice: record.host.version } },
        metadata: { invocationId: record.id, startedOn: record.startedAt, finishedOn: record.finishedAt },
        byproducts: byproducts(record, parts),
      },
      [EXTENSION]: { manifest: MANIFEST_VERSION, parts, ...body },
    },
  };
}

/** Digest of what asked for a run: its id is made from the same four values. */
export function requestDigest({
  repository,
  pipeline,
  source,
  request,
}: Pick<RunRecord, "repository" | "pipeline" | "source" | "request">): Digest {
  return digestOfJson([repository, pipeline.id, source, request]);
}

/** subject[0] is the request itself, so that a failed run has a subject too. */
function subjects(record: RunRecord, parts: Parts): readonly ResourceDescriptor[] {
  const request = { name: `run/${record.id}`, digest: { sha256: hexOf(requestDigest(record)) } };
  const outputs = record.steps.flatMap((step) => (step.terminal ? outputsOf(step) : []));
  if (parts.steps === undefined)
    return [request, ...outputs.map((output) => ({ name: output.path, digest: digestSet(output) }))];
  // A standard tool cannot look an output up here, but the digest of the whole list is signed.
  const listing = digestOfJson(outputs.map(({ path, kind, digest }) => ({ path, kind, digest })));
  return [
    request,
    {
      name: `run/${record.id}/outputs`,
      digest: { sluiceListing1: hexOf(listing) },
      annotations: { count: outputs.length },
    },
  ];
}

function outputsOf({ outcome }: StepRecord): readonly OutputRecord[] {
  return outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.facts.outputs : [];
}

/** A directory's digest is over its listing and therefore bears a name of its own. */
function digestSet(output: Pick<OutputRecord, "kind" | "digest">): Readonly<Record<string, string>> {
  return output.kind === "directory" ? { sluiceListing1: hexOf(output.digest) } : { sha256: hexOf(output.digest) };
}

function dependencies(record: RunRecord, parts: Parts): readonly ResourceDescriptor[] {
  const sources =
    parts.sources === undefined
      ? Object.entries(inOrder(record.sources)).map(([path, digest]) => ({
          uri: fileUri(path),
          digest: sha256(digest),
          annotations: { role: "input" },
        }))
      : [
          {
            uri: fileUri(parts.sources.file),
            digest: sha256(parts.sources.digest),
            annotations: { role: "listing of inputs", count: parts.sources.count },
          },
        ];
  return [
    { uri: repositoryUri(record.repository), digest: { gitCommit: record.source }, annotations: { role: "source" } },
    ...sources,
    ...record.datasets.map(({ name, path, digest, uri }) => ({
      name,
      uri: uri?.replace(/\s/g, encodeURIComponent) ?? fileUri(path),
      digest: sha256(digest),
      annotations: { role: "dataset" },
    })),
    ...environments(record),
  ];
}

/** Images and locks, each once, in the order of the steps that first name them. */
function environments(record: RunRecord): readonly ResourceDescriptor[] {
  const found = new Map<string, ResourceDescriptor>();
  for (const { document } of record.steps) {
    if (document === null) continue;
    const { image, environment } = document;
    if (image !== null)
      found.set(image, { uri: `oci:${image}`, digest: sha256(image), annotations: { role: "image" } });
    if (environment === null || environment.lock === null) continue;
    const { kind, lock } = environment;
    found.set(`${kind} ${lock}`, {
      uri: `urn:sluice:lock:${kind}`,
      digest: sha256(lock),
      annotations: { role: "lock" },
    });
  }
  return [...found.values()];
}

/** A URI has a scheme; a bare number is the forge's id of a repository. */
function repositoryUri(repository: string): string {
  return repository.includes(":")
    ? `git+${encodeURI(repository.toWellFormed())}`
    : `git+forge:${encodeURI(repository.toWellFormed())}`;
}

function fileUri(path: string): string {
  return `file:${encodeURI(path.toWellFormed()).replace(/[?#]/g, encodeURIComponent)}`;
}

function sha256(digest: Digest): Readonly<Record<string, string>> {
  return { sha256: hexOf(digest) };
}

/** Metric and plot files, then logs, by digest. */
function byproducts(record: RunRecord, parts: Parts): readonly ResourceDescriptor[] {
  const reports = parts.steps === undefined ? record.steps.flatMap(reportsOf) : [];
  const logs = parts.observations === undefined ? record.steps.flatMap(logsOf) : [];
  const beside = [parts.observations, parts.steps].flatMap((part) =>
    part === undefined
      ? []
      : [
          {
            name: part.file,
            digest: sha256(part.digest),
            annotations: { role: "part of this manifest", count: part.count },
          },
        ],
  );
  return [...reports, ...logs, ...beside];
}

function reportsOf(step: StepRecord): readonly ResourceDescriptor[] {
  const roles = new Map([
    ...(step.document?.plots ?? []).map((path) => [path, "plot"] as const),
    ...(step.document?.metrics ?? []).map((path) => [path, "metrics"] as const),
  ]);
  return outputsOf(step).flatMap((output) => {
    const role = roles.get(output.path);
    return role === undefined
      ? []
      : [{ name: `${step.name}/${output.path}`, digest: digestSet(output), annotations: { role } }];
  });
}

function logsOf(step: StepRecord): readonly ResourceDescriptor[] {
  return step.attempts.flatMap(({ attempt, log }) =>
    log === null
      ? []
      : [{ name: `${step.name}/attempt-${attempt}.log`, digest: sha256(log), annotations: { role: "log" } }],
  );
}
