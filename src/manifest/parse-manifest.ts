import type { Digest } from "../identity/identity.ts";
import type { KeyDocument } from "../key/key-document.ts";
import type { RunRecord, StepOutcome, StepRecord } from "../run/run-record.ts";
import {
  EXTENSION,
  MANIFEST_VERSION,
  type Facts,
  type Observations,
  type Statement,
  type StepFacts,
  type StepObservations,
} from "./manifest.ts";

export type ParsedManifest =
  | { readonly kind: "ok"; readonly record: RunRecord }
  | { readonly kind: "refused"; readonly why: string };

/** The inverse of renderManifest; key documents come from the ledger's `keys/`, null where none is asked for. */
export function parseManifest(bytes: Uint8Array, document: (key: Digest) => KeyDocument | undefined): ParsedManifest {
  let statement: Statement;
  try {
    statement = JSON.parse(new TextDecoder().decode(bytes)) as Statement;
  } catch {
    return { kind: "refused", why: "it is not JSON" };
  }
  const extension = statement.predicate?.[EXTENSION];
  if (extension === undefined) return { kind: "refused", why: "it is no manifest of a run" };
  if (extension.manifest > MANIFEST_VERSION) {
    return {
      kind: "refused",
      why: `it has format ${extension.manifest} and this Sluice reads up to ${MANIFEST_VERSION}: install a newer one`,
    };
  }
  return { kind: "ok", record: recordOf(extension.facts, extension.observations, document) };
}

function recordOf(
  facts: Facts,
  observations: Observations,
  document: (key: Digest) => KeyDocument | undefined,
): RunRecord {
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
  if (outcome.kind !== "done") return outcome;
  const how = seen?.how;
  const { result, facts } = outcome;
  if (how !== null && how !== undefined && "from" in how)
    return { kind: "cached", result, facts, isolation: how.isolation, from: how.from, domain: how.domain };
  return {
    kind: "succeeded",
    result,
    facts,
    isolation: how?.isolation ?? "workspace",
    cause: how?.cause ?? { kind: "unfinished" },
  };
}
