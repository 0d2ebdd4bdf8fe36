import fc from "fast-check";
import { expect, test } from "vitest";

import { formatDelta, formatMetric } from "../../src/diff/number.ts";
import { readMetrics } from "../../src/diff/read-metrics.ts";
import { MAX_ROWS, readPlot } from "../../src/diff/read-plot.ts";
import { diffRuns } from "../../src/diff/run-diff.ts";
import { judge } from "../../src/diff/verdict.ts";
import { anyRun } from "../manifest/run-records.ts";

const finite = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.double({ min: -2, max: 2, noNaN: true }))
  .map((n) => n + 0);
const reread = (text: string): number => Number(text.replaceAll("−", "-").replace("+", ""));

test("a difference that is not zero is never shown as zero, and keeps its sign", () => {
  fc.assert(
    fc.property(finite, (delta) => {
      const shown = formatDelta(delta);
      expect(Math.sign(reread(shown)) + 0).toBe(Math.sign(delta) + 0);
      expect(shown).toMatch(/^(0|[+−][\d.]+(e[+−]?\d+)?)$/);
    }),
  );
});

test("two values that differ are never shown alike", () => {
  fc.assert(
    fc.property(finite, finite, (a, b) => {
      fc.pre(a !== b);
      expect(formatMetric(a, b)).not.toBe(formatMetric(b, a));
    }),
  );
});

test("neighbouring doubles are told apart", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.5, max: 1, noNaN: true }), (a) => {
      const b = a + Number.EPSILON;
      fc.pre(a !== b);
      expect(formatMetric(a, b)).not.toBe(formatMetric(b, a));
    }),
  );
});

test("what is shown is within half of its fourth digit, and whole digits are all there", () => {
  fc.assert(
    fc.property(finite, (value) => {
      const shown = reread(formatMetric(value));
      expect(Math.abs(shown - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 0.0005000001, Number.MIN_VALUE));
      expect(Math.abs(value) >= 1e15 || Math.abs(shown - value) <= 0.5).toBe(true);
    }),
  );
});

const spec = fc.record({
  name: fc.constant("m"),
  step: fc.constant("s"),
  goal: fc.constantFrom("higher" as const, "lower" as const),
  tolerance: fc.option(
    fc.record({ kind: fc.constant("absolute" as const), value: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
  gate: fc.constant(null),
  gateAction: fc.constant("report" as const),
});
const opposite = { better: "worse", worse: "better", "within-tolerance": "within-tolerance" } as const;

test("with an absolute tolerance, looking back turns better into worse and nothing else", () => {
  fc.assert(
    fc.property(spec, finite, finite, (reading, a, b) => {
      const [forth, back] = [judge(reading, a, b), judge(reading, b, a)];
      expect(forth.kind in opposite).toBe(true);
      expect(back.kind).toBe(opposite[forth.kind as keyof typeof opposite]);
    }),
  );
});

test("a run compared with itself has no difference", () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      const diff = diffRuns(run, run);
      expect([diff.parameters, diff.code, diff.data, diff.environment]).toEqual([[], [], [], []]);
      expect(diff.steps.flatMap((step) => step.outputs)).toEqual([]);
      expect(
        diff.metrics.filter((metric) => ["better", "worse", "not-comparable"].includes(metric.verdict.kind)),
      ).toEqual([]);
      expect(["within-tolerance", "not-judged"]).toContain(diff.overall);
    }),
  );
});

test("any two runs can be compared, and back again with added and removed exchanged", () => {
  const exchanged = { added: "removed", removed: "added", changed: "changed" } as const;
  fc.assert(
    fc.property(anyRun, anyRun, (a, b) => {
      const [forth, back] = [diffRuns(a, b), diffRuns(b, a)];
      expect(back.code).toEqual(forth.code.map(({ path, change }) => ({ path, change: exchanged[change] })));
      expect(back.data).toEqual(forth.data.map(({ path, change }) => ({ path, change: exchanged[change] })));
      expect(back.parameters.map(({ name, from, to }) => [name, to, from])).toEqual(
        forth.parameters.map(({ name, from, to }) => [name, from, to]),
      );
    }),
  );
});

test("metrics come back as they were written", async () => {
  const names = fc.stringMatching(/^[a-z_]{1,8}$/);
  const number = finite.filter((n) => !Number.isInteger(n) || Number.isSafeInteger(n));
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, fc.oneof(number, fc.dictionary(names, number))), async (written) => {
      const expected = Object.entries(written).flatMap(([name, value]) =>
        typeof value === "number"
          ? [[name, value]]
          : Object.entries(value).map(([inner, n]) => [`${name}.${inner}`, n]),
      );
      const bytes = new TextEncoder().encode(JSON.stringify(written));
      expect(await readMetrics("m.json", bytes)).toEqual({ kind: "ok", value: Object.fromEntries(expected) });
      expect(await readMetrics("m.yaml", bytes)).toEqual({ kind: "ok", value: Object.fromEntries(expected) });
    }),
  );
});

test("reading metrics and plots never throws, whatever the bytes", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: "grapheme" }).map((text) => new TextEncoder().encode(text)),
    fc.json().map((text) => new TextEncoder().encode(text)),
  );
  await fc.assert(
    fc.asyncProperty(
      bytes,
      fc.constantFrom("csv", "tsv", "json", "yaml", "png", "svg", "bin"),
      async (content, ending) => {
        expect(["ok", "refused"]).toContain((await readMetrics(`m.${ending}`, content)).kind);
        expect(["ok", "refused"]).toContain((await readPlot(`p.${ending}`, content)).kind);
      },
    ),
  );
});

test("a quoted table comes back cell by cell", async () => {
  const cell = fc.string().map((text) => `x${text}`);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }).chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }))),
      async (rows) => {
        const columns = (rows[0] ?? ["a"]).map((_, at) => `c${at}`);
        const quoted = [columns, ...rows]
          .map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(","))
          .join("\r\n");
        expect(await readPlot("p.csv", new TextEncoder().encode(quoted))).toEqual({
          kind: "ok",
          value: { kind: "table", columns, rows, total: rows.length },
        });
      },
    ),
  );
});

test("a long table keeps its ends and its true length", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5_000 }), async (length) => {
      const text = `x\n${Array.from({ length }, (_, at) => at).join("\n")}\n`;
      const read = await readPlot("p.csv", new TextEncoder().encode(text));
      if (read.kind === "refused" || read.value.kind !== "table") throw new Error("refused");
      expect(read.value.rows.length).toBe(Math.min(length, MAX_ROWS));
      expect([read.value.rows[0], read.value.rows.at(-1), read.value.total]).toEqual([[0], [length - 1], length]);
    }),
    { numRuns: 20 },
  );
});
