import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { commitMessage, parseTrailers } from "../../src/manifest/commit-message.ts";
import { checkEnvelope } from "../../src/manifest/dsse.ts";
import { factsDigest } from "../../src/manifest/facts.ts";
import { parseManifest } from "../../src/manifest/parse-manifest.ts";
import { renderManifest, renderRun } from "../../src/manifest/render-manifest.ts";
import { statementFaults } from "../../src/manifest/statement-rules.ts";
import { advance, beginRun, isOver, type RunState } from "../../src/run/advance.ts";
import { endedAt } from "../../src/run/ended-at.ts";
import type { RunRecord, StepOutcome } from "../../src/run/run-record.ts";
import { anyRun, digitsRun, documentsOf } from "../manifest/run-records.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("parsing is the inverse of rendering", () => {
  fc.assert(
    fc.property(anyRun, (record) => {
      expect(parseManifest(renderManifest(record), documentsOf(record))).toEqual({ kind: "ok", record });
    }),
  );
});

test("whatever leaves a manifest for its size comes back with its parts, and is missed without them", () => {
  fc.assert(
    fc.property(anyRun, fc.nat({ max: 6_000 }), (record, limit) => {
      const { manifest, parts } = renderRun(record, limit);
      expect(parseManifest(manifest, documentsOf(record), (file) => parts.get(file))).toEqual({ kind: "ok", record });
      const alone = parseManifest(manifest, () => undefined);
      expect(alone.kind === "refused" ? alone.needs : []).toEqual([...parts.keys()]);
    }),
  );
});

test("every manifest keeps the rules of its standards, cut into parts or not", () => {
  fc.assert(
    fc.property(anyRun, fc.constantFrom(0, 1_048_576), (record, limit) => {
      expect(statementFaults(JSON.parse(decode(renderRun(record, limit).manifest)))).toEqual([]);
    }),
  );
});

test("a clock that is set back while a run is under way breaks no rule of its manifest", () => {
  const times = fc.date({ min: new Date("2020-01-01"), max: new Date("2030-01-01"), noInvalidDate: true });
  fc.assert(
    fc.property(times, times, (began, now) => {
      const startedAt = began.toISOString();
      const finishedAt = endedAt(startedAt, now.getTime());
      expect(statementFaults(JSON.parse(decode(renderManifest(digitsRun({ startedAt, finishedAt })))))).toEqual([]);
      if (now >= began) expect(finishedAt).toBe(now.toISOString());
    }),
  );
});

test("equal records give equal bytes, however their members are ordered", () => {
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .toReversed()
              .map(([name, member]) => [name, reversed(member)]),
          )
        : value;
  fc.assert(
    fc.property(anyRun, (record) => {
      expect(decode(renderManifest(reversed(record) as RunRecord))).toBe(decode(renderManifest(record)));
    }),
  );
});

test("reading never throws, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(parseManifest(bytes, () => undefined).kind).toBe("refused");
      expect(checkEnvelope(bytes, bytes, new Map()).kind).toBe("invalid");
    }),
  );
});

test("reading never throws, whatever one value of a manifest becomes", () => {
  const whole: unknown = JSON.parse(decode(renderManifest(digitsRun())));
  const paths: string[][] = [];
  const walk = (value: unknown, path: string[]): void => {
    if (path.length > 0) paths.push(path);
    if (typeof value === "object" && value !== null)
      for (const [name, member] of Object.entries(value)) walk(member, [...path, name]);
  };
  walk(whole, []);
  const put = (value: unknown, [name, ...rest]: readonly string[], leaf: unknown): unknown => {
    if (name === undefined) return leaf;
    const copy: Record<string, unknown> = Array.isArray(value)
      ? (Object.assign([], value) as never)
      : { ...(value as object) };
    copy[name] = put(copy[name], rest, leaf);
    return copy;
  };
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.constantFrom(null, 0, "", "x", [], {}, [null], true), (path, leaf) => {
      const bytes = new TextEncoder().encode(JSON.stringify(put(whole, path, leaf)));
      const parsed = parseManifest(bytes, () => undefined);
      expect(parsed.kind === "ok" ? renderManifest(parsed.record).byteLength : parsed.why.length).toBeGreaterThan(0);
      expect(() => statementFaults(JSON.parse(decode(bytes)))).not.toThrow();
    }),
    { numRuns: 500 },
  );
});

test("times, attempts, peaks and caches change nothing in the facts", () => {
  fc.assert(
    fc.property(anyRun, anyRun, (record, other) => {
      const observed: RunRecord = {
        ...record,
        startedAt: other.startedAt,
        finishedAt: "2027-01-01T00:00:00.000Z",
        host: other.host,
        steps: record.steps.map((step) => ({
          ...step,
          outcome: otherwise(step.outcome),
          attempts: other.steps[0]?.attempts ?? [],
          nonDeterministic: [],
        })),
      };
      expect(factsDigest(observed)).toBe(factsDigest(record));
    }),
  );
});

/** The same outcome, seen otherwise. */
function otherwise(outcome: StepOutcome): StepOutcome {
  if (outcome.kind === "cached")
    return {
      kind: "succeeded",
      result: outcome.result,
      facts: outcome.facts,
      isolation: "workspace",
      cause: { kind: "forced" },
    };
  if (outcome.kind === "not-started") return { kind: "not-started", because: "another" };
  if (outcome.kind === "failed" && outcome.failure.kind === "oom")
    return { kind: "failed", failure: { ...outcome.failure, peakBytes: 1 } };
  return outcome;
}

const graph = fc.integer({ min: 1, max: 8 }).chain((size) =>
  fc.record({
    after: fc.tuple(
      ...Array.from({ length: size }, (_, at) => fc.subarray(Array.from({ length: at }, (__, before) => `s${before}`))),
    ),
    failing: fc.subarray(Array.from({ length: size }, (_, at) => `s${at}`)),
    orders: fc.tuple(
      fc.array(fc.nat(), { minLength: size, maxLength: size }),
      fc.array(fc.nat(), { minLength: size, maxLength: size }),
    ),
  }),
);

test("finishing order never changes the facts", () => {
  fc.assert(
    fc.property(graph, ({ after, failing, orders }) => {
      const stages = after.map((before, at) => ({ name: `s${at}`, after: before }));
      const [a, b] = orders.map((choices) => factsDigest(recordFrom(finish(stages, failing, choices))));
      expect(a).toBe(b);
    }),
  );
});

/** Ends all steps, each time the one that `choices` picks from those that could end. */
function finish(
  stages: readonly { readonly name: string; readonly after: readonly string[] }[],
  failing: readonly string[],
  choices: readonly number[],
): RunState {
  const { state, ready } = beginRun(stages);
  const open = [...ready];
  for (const choice of choices) {
    const [step] = open.splice(choice % Math.max(1, open.length), 1);
    if (step === undefined) break;
    open.push(...advance(state, { kind: failing.includes(step) ? "failed" : "succeeded", step }).ready);
  }
  expect([...state.stages.values()].every(isOver)).toBe(true);
  return state;
}

function recordFrom(state: RunState): RunRecord {
  const [model] = digitsRun().steps;
  if (model === undefined) throw new Error("no step to copy");
  return digitsRun({
    steps: [...state.stages].map(([name, stage]) => ({
      ...model,
      name,
      outcome:
        stage.kind === "succeeded"
          ? model.outcome
          : stage.kind === "not-started"
            ? { kind: "not-started", because: stage.because }
            : { kind: "failed", failure: { kind: "exit", code: 1 } },
    })),
  });
}

test("hostile texts never make a trailer, a line or a paragraph of their own", () => {
  const hostile = fc.oneof(
    fc.constantFrom(
      "x\nSluice-Status: succeeded",
      "\r\n\r\nSluice-Run: z",
      "a\u2028Sluice-Plan: y",
      "x\u0085y",
      "\u202eevil",
      "\ud800",
      "a: b",
      "#",
      "---",
    ),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(anyRun, hostile, hostile, (record, first, second) => {
      const run: RunRecord = {
        ...record,
        pipeline: { id: first, name: second, path: "p" },
        requestedBy: second,
        approvedBy: [first, second],
        steps: digitsRun().steps.map((step) =>
          step.outcome.kind === "succeeded"
            ? { ...step, outcome: { ...step.outcome, facts: { ...step.outcome.facts, metrics: { [first]: 1 } } } }
            : step,
        ),
      };
      const message = commitMessage(run, digestOf("m"), first);
      const [subject, empty, ...rest] = message.trimEnd().split("\n");
      expect(subject).not.toBe("");
      expect(empty).toBe("");
      for (const line of rest)
        expect(line).toMatch(
          /^Sluice-(Run|Pipeline|Source|Trigger|Status|Plan|Manifest|Metric|Pull-Request|Requested-By|Approved-By): \S/,
        );
      expect(message).not.toMatch(/(?!\n)[\p{Cc}\u2028\u2029\u202e]/u);
      expect(message.isWellFormed()).toBe(true);
      const trailers = parseTrailers(message);
      for (const name of ["Run", "Source", "Status", "Plan", "Manifest"])
        expect(trailers.get(`Sluice-${name}`)).toHaveLength(1);
      expect(trailers.get("Sluice-Run")).toEqual([run.id]);
      expect(trailers.get("Sluice-Status")).toEqual([run.status]);
      for (const line of message.split("\n")) expect(line.length).toBeLessThan(230);
    }),
  );
});
