import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";

import type { Json } from "../../src/identity/canonical-json.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";

const names = ["prepare", "train", "evaluate", "publish", "10", "2"] as const;

const body = fc.record(
  {
    run: fc.oneof(fc.constant("python a.py ${{ params.seed }}"), fc.constant(["a", "b c", "#d", "yes"])),
    params: fc.constant(["seed"]),
    outputs: fc.constant([{ path: "o/x", type: "model" }, "o/y/"]),
    inputs: fc.constant(["src/**", { glob: "data/*.csv", optional: true }, "!src/test/**"]),
    env: fc.dictionary(fc.constantFrom("A", "B", "C"), fc.constantFrom("1", "yes", "", " x ", "a: b", "#"), {
      maxKeys: 3,
    }),
    timeout: fc.constantFrom("90s", "2h"),
    retry: fc.record({ attempts: fc.integer({ min: 1, max: 5 }), on: fc.constant(["lost", "exit:3"]) }),
    resources: fc.record({ cpu: fc.integer({ min: 1, max: 8 }), memory: fc.constantFrom("2Gi", "512Mi") }),
    description: fc.constantFrom("plain", "with: colon", "two\nlines\n"),
  },
  { requiredKeys: ["run", "params"] },
);

const pipeline = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), body), { selector: ([name]) => name, minLength: 1, maxLength: 5 })
  .map((steps) => ({ version: 1, owner: "team", code: ["lib/**"], salt: "s", steps }));

type Written = typeof pipeline extends fc.Arbitrary<infer Value> ? Value : never;

const reversed = (value: Json): Json => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reversed(member)]),
  );
};

/** Steps are written by hand, because objects do not keep the order of names such as `10`. */
const written = (value: Written, layout: { flow: boolean; quotes: boolean; keysReversed: boolean }): string => {
  const { steps, ...head } = value;
  const order = (part: Json): Json => (layout.keysReversed ? reversed(part) : part);
  const text = (part: Json, pad: number): string =>
    stringify(order(part), {
      indent: layout.flow ? 4 : 2,
      collectionStyle: layout.flow ? "flow" : "block",
      lineWidth: 0,
      ...(layout.quotes ? { defaultStringType: "QUOTE_DOUBLE" as const, defaultKeyType: "PLAIN" as const } : {}),
    })
      .trimEnd()
      .split("\n")
      .map((line) => (line === "" ? "" : " ".repeat(pad) + line))
      .join("\n");
  const top = Object.entries(head).map(([key, member]) => `${key}:\n${text(member, 2)}`);
  const below = steps.map(([name, step]) => `  "${name}":\n${text(step, 4)}`);
  const parts = [...top, `steps:\n${below.join("\n")}`];
  return `${(layout.keysReversed ? parts.toReversed() : parts).join("\n# a comment\n\n")}\n`;
};

const SPANS = new Set(["at"]);

/** What was parsed, without places. */
const placeless = (text: string): unknown => {
  const { value, problems } = parsePipeline({ path: "pipelines/p.yaml", bytes: new TextEncoder().encode(text) });
  expect(problems).toEqual([]);
  return JSON.parse(JSON.stringify(value, (key, member: unknown) => (SPANS.has(key) ? undefined : member)));
};

test("comments, key order, quoting and white space never change what a pipeline means", () => {
  fc.assert(
    fc.property(pipeline, fc.boolean(), fc.boolean(), fc.boolean(), (value, flow, quotes, keysReversed) => {
      const plain = placeless(written(value, { flow: false, quotes: false, keysReversed: false }));
      expect(placeless(written(value, { flow, quotes, keysReversed }))).toEqual(plain);
    }),
    { numRuns: 60 },
  );
});

test("the order of steps changes their order and nothing else", () => {
  fc.assert(
    fc.property(pipeline, (value) => {
      const layout = { flow: false, quotes: false, keysReversed: false };
      const there = placeless(written(value, layout)) as { readonly steps: readonly unknown[] };
      const back = placeless(written({ ...value, steps: value.steps.toReversed() }, layout)) as typeof there;
      expect({ ...back, steps: back.steps.toReversed() }).toEqual(there);
    }),
    { numRuns: 40 },
  );
});

test("a parsed pipeline is plain JSON: it can be cached by the digest of its bytes", () => {
  fc.assert(
    fc.property(pipeline, (value) => {
      const text = written(value, { flow: false, quotes: false, keysReversed: false });
      const parsed = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(text) }).value;
      expect(JSON.parse(JSON.stringify(parsed))).toStrictEqual(parsed);
    }),
    { numRuns: 30 },
  );
});
