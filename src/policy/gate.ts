import type { JsonObject } from "../identity/canonical-json.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import type { GateOutcome } from "../release/evidence.ts";
import type { Release } from "../release/release.ts";
import type { RunRecord } from "../run/run-record.ts";
import { doubleOf } from "../diff/number.ts";
import { evaluateCondition } from "./evaluate.ts";

/** What gates read. */
export interface Gated {
  readonly environment: string;
  readonly record: RunRecord;
  readonly release: Release;
  readonly live: Release | null;
  /** True where a recorded `reproduce` ended without difference; null: nobody knows. */
  readonly reproducible: true | null;
}

/**
 * Judges an environment's gates (SEMANTICS §9): CEL over doubles; what cannot be told does not hold. Before the first
 * release `live` is null: a gate that reads it is then not applicable, or fails where it says `first: deny`.
 */
export function judgeGates(gates: EnvironmentSettings["gates"], gated: Gated): readonly GateOutcome[] {
  if (gates.length === 0) return [];
  const data = gateDocument(gated);
  return gates.map(({ source, first }): GateOutcome => {
    const readsNothing = gated.live === null && readsLive(source);
    if (readsNothing && first === "deny")
      return { source, outcome: "failed", why: "nothing is live yet, and it says `first: deny`" };
    const judged = evaluateCondition(source, data);
    switch (judged.kind) {
      case "true":
        return { source, outcome: "passed", why: "" };
      case "false":
        return { source, outcome: "failed", why: "" };
      case "unknown":
        return readsNothing
          ? { source, outcome: "not-applicable", why: "nothing is live yet" }
          : { source, outcome: "unknown", why: judged.why, ...unreproduced(source, gated) };
    }
  });
}

/** What is live and cannot be read is not nothing: gates would take it for the first release. */
export function liveGate(run: string | null, live: Release | null): readonly GateOutcome[] {
  if (run === null || live !== null) return [];
  return [{ source: "live", outcome: "unknown", why: `the ledger has no manifest of run ${run}, which is live` }];
}

function readsLive(source: string): boolean {
  return /(?<![\w.])live\b/.test(source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""'));
}

/** Whether any of these gates asks for what `sluice reproduce` recorded. */
export function readReproducible(gates: EnvironmentSettings["gates"]): boolean {
  return gates.some(({ source }) => /\breproducible\b/.test(source));
}

/** What to do where a reproduction is all that a gate lacks. */
function unreproduced(source: string, gated: Gated): Pick<GateOutcome, "why" | "next"> | undefined {
  if (gated.reproducible !== null) return undefined;
  const then = evaluateCondition(source, gateDocument({ ...gated, reproducible: true }));
  if (then.kind !== "true") return undefined;
  const run = gated.record.id.slice(0, 8);
  return {
    why: `nobody has recorded that run ${run} gives the same again`,
    next: `sluice reproduce ${run} in a clone, and the git push that it names`,
  };
}

function gateDocument({ environment, record, release, live, reproducible }: Gated): JsonObject {
  return {
    environment: { name: environment },
    metrics: doubles(release.metrics),
    run: { ...runDocument(record), ...(reproducible === null ? {} : { reproducible }) },
    live: live === null ? null : { run: { id: live.run, source: live.source }, metrics: doubles(live.metrics) },
  };
}

/** A metric that is no finite number is not there: whatever reads it is unknown. */
function doubles(metrics: Release["metrics"]): JsonObject {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, value]) => {
      const double = doubleOf(value);
      return double === undefined ? [] : [[name, double] as const];
    }),
  );
}

const ISOLATIONS = ["workspace", "sandbox", "container"] as const;

function runDocument(record: RunRecord): JsonObject {
  const ended = record.steps.flatMap(({ outcome }) =>
    outcome.kind === "succeeded" || outcome.kind === "cached" ? [outcome.isolation] : [],
  );
  const documents = record.steps.flatMap(({ document }) => document ?? []);
  return {
    id: record.id,
    pipeline: record.pipeline.name,
    source: record.source,
    status: record.status,
    trigger: record.trigger,
    // The weakest of its steps.
    ...(ended.length === 0 ? {} : { isolation: ISOLATIONS.find((one) => ended.includes(one)) ?? "workspace" }),
    dirty: record.dirty !== null,
    pinned: documents.every(({ image, environment }) => image !== null || (environment?.lock ?? null) !== null),
    seconds: (Date.parse(record.finishedAt) - Date.parse(record.startedAt)) / 1_000,
  };
}
