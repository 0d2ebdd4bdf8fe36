import { digestOf, parseRunId, type Digest, type RunId } from "../identity/identity.ts";
import type { KeyDocument } from "../key/key-document.ts";
import type { Failure, RunRecord, StepOutcome, StepRecord } from "../run/run-record.ts";
import type { Facts, StepFacts } from "./facts.ts";
import {
  extensionShape,
  paramsShape,
  pathsShape,
  sourcesShape,
  stepFactsShape,
  stepObservationsShape,
} from "./manifest-shape.ts";
import type { StepObservations } from "./observations.ts";
import { PART_NAMES, partFile, type Body, type PartName } from "./parts.ts";
import { isObject, type Shape } from "./shape.ts";
import { EXTENSION, MANIFEST_VERSION, type Extension } from "./statement.ts";

export type ParsedManifest =
  | { readonly kind: "ok"; readonly record: RunRecord }
  /** `needs`: files beside the manifest that were not given; with them it can be read. */
  | { readonly kind: "refused"; readonly why: string; readonly needs?: readonly string[] };

/**
 * The inverse of renderRun, whatever the bytes are. Key documents come from the ledger's `keys/`, null where none is
 * given; files beside the manifest come from `part` by name and are held to the digest that the manifest has of them.
 */
export function parseManifest(
  bytes: Uint8Array,
  document: (key: Digest) => KeyDocument | undefined,
  part: (file: string) => Uint8Array | undefined = () => undefined,
): ParsedManifest {
  const statement = parseJson(bytes);
  return statement === undefined
    ? { kind: "refused", why: "it is not JSON" }
    : readStatement(statement.value, document, part);
}

/** The same for a statement whose JSON has been parsed already. */
export function readStatement(
  statement: unknown,
  document: (key: Digest) => KeyDocument | undefined,
  part: (file: string) => Uint8Array | undefined = () => undefined,
): ParsedManifest {
  const extension = extensionOf(statement);
  if (extension.kind === "refused") return extension;
  const whole = assemble(extension.value, part);
  return whole.kind === "refused" ? whole : { kind: "ok", record: recordOf(whole.body, document) };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The value that bytes spell, undefined where they are no JSON in UTF-8. */
export function parseJson(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(decoder.decode(bytes)) };
  } catch {
    return undefined;
  }
}

/**
 * The run that a manifest says it is of, whatever stands beside it and in whichever format it is: one that only a newer
 * Sluice can read records its run all the same.
 */
export function runOf(bytes: Uint8Array): RunId | undefined {
  const statement = parseJson(bytes)?.value;
  const facts = extensionIn(statement)?.["facts"];
  const run = isObject(facts) ? facts["run"] : undefined;
  return (typeof run === "string" ? parseRunId(run) : undefined) ?? runSubject(statement);
}

/** By the standard's own words, which no format of ours can change: `subject[0]` is the run's request. */
function runSubject(statement: unknown): RunId | undefined {
  const subjects = isObject(statement) ? statement["subject"] : undefined;
  const first: unknown = Array.isArray(subjects) ? subjects[0] : undefined;
  const name = isObject(first) ? first["name"] : undefined;
  return typeof name === "string" && name.startsWith(SUBJECT) ? parseRunId(name.slice(SUBJECT.length)) : undefined;
}

const SUBJECT = "run/";

function extensionIn(statement: unknown): Readonly<Record<string, unknown>> | undefined {
  const predicate = isObject(statement) ? statement["predicate"] : undefined;
  const extension = isObject(predicate) ? predicate[EXTENSION] : undefined;
  return isObject(extension) ? extension : undefined;
}

type Refused = Extract<ParsedManifest, { kind: "refused" }>;

function extensionOf(statement: unknown): { readonly kind: "ok"; readonly value: Extension } | Refused {
  const extension = extensionIn(statement);
  if (extension === undefined) return { kind: "refused", why: "it is no manifest of a run" };
  const version = extension["manifest"];
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1)
    return { kind: "refused", why: "its format has no version" };
  if (version > MANIFEST_VERSION) {
    return {
      kind: "refused",
      why: `it has format ${version} and this Sluice reads up to ${MANIFEST_VERSION}: install a newer one`,
    };
  }
  const fault = extensionShape(extension);
  if (fault !== undefined) return { kind: "refused", why: `${fault.slice(1)} is not what it should be` };
  return { kind: "ok", value: extension as unknown as Extension };
}

function assemble(
  extension: Extension,
  part: (file: string) => Uint8Array | undefined,
): { readonly kind: "ok"; readonly body: Body } | Refused {
  let body: Body = { facts: extension.facts, observations: extension.observations };
  const cut = PART_NAMES.filter((name) => extension.parts[name] !== undefined);
  const given = new Map(cut.map((name) => [name, part(partFile(name))]));
  const needs = cut.filter((name) => given.get(name) === undefined).map(partFile);
  if (needs.length > 0)
    return {
      kind: "refused",
      why: `${needs.join(", ")} beside it ${needs.length === 1 ? "is" : "are"} not there`,
      needs,
    };
  for (const name of cut) {
    const bytes = given.get(name) ?? new Uint8Array();
    if (digestOf(bytes) !== extension.parts[name]?.digest)
      return { kind: "refused", why: `${partFile(name)} beside it has other bytes than it says` };
    const value = parseJson(bytes)?.value;
    const fault = shapes[name](value);
    if (fault !== undefined) return { kind: "refused", why: `${partFile(name)}${fault} is not what it should be` };
    body = withPart(body, name, value);
  }
  return { kind: "ok", body };
}

const shapes: Readonly<Record<PartName, Shape>> = {
  sources: sourcesShape,
  paths: pathsShape,
  observations: stepObservationsShape,
  params: paramsShape,
  steps: stepFactsShape,
};

/** Puts back what withoutPart took; the shape has been checked. */
function withPart({ facts, observations }: Body, name: PartName, value: unknown): Body {
  switch (name) {
    case "sources":
      return { facts: { ...facts, sources: value as Facts["sources"] }, observations };
    case "paths":
      return {
        facts: { ...facts, dirty: facts.dirty === null ? null : { ...facts.dirty, paths: value as readonly string[] } },
        observations,
      };
    case "observations":
      return { facts, observations: { ...observations, steps: value as readonly StepObservations[] } };
    case "params":
      return { facts: { ...facts, ...(value as Pick<Facts, "params" | "overrides">) }, observations };
    case "steps":
      return { facts: { ...facts, steps: value as readonly StepFacts[] }, observations };
  }
}

function recordOf({ facts, observations }: Body, document: (key: Digest) => KeyDocument | undefined): RunRecord {
  const seen = new Map(observations.steps.map((step) => [step.name, step]));
  const { run, metrics, steps, ...rest } = facts;
  return {
    ...rest,
    id: run,
    metricSpecs: metrics,
    steps: steps.map((step) => stepOf(step, seen.get(step.name), document)),
    startedAt: observations.startedAt,
    finishedAt: observations.finishedAt,
    host: observations.host,
  };
}

function stepOf(
  step: StepFacts,
  seen: StepObservations | undefined,
  document: (key: Digest) => KeyDocument | undefined,
): StepRecord {
  return {
    name: step.name,
    id: step.id,
    key: step.key,
    document: step.key === null ? null : (document(step.key) ?? null),
    terminal: step.terminal,
    outcome: outcomeOf(step.outcome, seen),
    attempts: seen?.attempts ?? [],
    nonDeterministic: seen?.nonDeterministic ?? [],
  };
}

function outcomeOf(outcome: StepFacts["outcome"], seen: StepObservations | undefined): StepOutcome {
  switch (outcome.kind) {
    case "done":
      return doneOf(outcome, seen?.how ?? null);
    case "failed":
      return { kind: "failed", failure: measured(outcome.failure, seen) };
    case "not-started":
      return { kind: "not-started", because: seen?.because ?? "" };
    case "cancelled":
    case "withheld":
      return outcome;
  }
}

function doneOf(
  { result, facts }: Extract<StepFacts["outcome"], { kind: "done" }>,
  how: StepObservations["how"],
): StepOutcome {
  if (how !== null && "from" in how)
    return { kind: "cached", result, facts, isolation: how.isolation, from: how.from, domain: how.domain };
  return {
    kind: "succeeded",
    result,
    facts,
    isolation: how?.isolation ?? "workspace",
    cause: how?.cause ?? { kind: "unfinished" },
  };
}

function measured(failure: Failure, seen: StepObservations | undefined): Failure {
  return failure.kind === "oom" ? { ...failure, peakBytes: seen?.peakBytes ?? null } : failure;
}
