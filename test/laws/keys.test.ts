import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";

import { canonicalJson, byUtf8, type Json } from "../../src/identity/canonical-json.ts";
import { digestOf, parseRunId, runIdOf, type CommitSha } from "../../src/identity/identity.ts";
import { keyOf, withInputs, type KeyDocument } from "../../src/key/key-document.ts";
import { ordered } from "../builders/pipeline.ts";

interface Drawn {
  readonly count: number;
  readonly edges: readonly (readonly [number, number])[];
}

/** A random acyclic graph: step i may read outputs of steps before it. */
const graphs: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 8 }).chain((count) =>
  fc.record({
    count: fc.constant(count),
    edges: fc.array(
      fc.tuple(fc.nat(count - 1), fc.nat(count - 1)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
      { maxLength: 12 },
    ),
  }),
);

const FILES = { "in.txt": "source", "code/a.mjs": "code" };

function stepsOf(
  { count, edges }: Drawn,
  name: (at: number) => string = (at) => `s${at}`,
): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => {
      const from = [
        ...new Set(edges.filter(([from, to]) => to === at && from !== at).map(([before]) => `out/${before}`)),
      ];
      return [name(at), { run: `make ${at}`, inputs: ["in.txt", ...from], outputs: [`out/${at}`], params: ["rate"] }];
    }),
  );
}

function text(steps: Record<string, unknown>): string {
  return stringify({ version: 1, params: { rate: 1, other: 2 }, steps });
}

test("renaming every step changes neither the work order nor a key", () => {
  fc.assert(
    fc.property(graphs, (drawn) => {
      const before = ordered(text(stepsOf(drawn)), FILES);
      const after = ordered(text(stepsOf(drawn, (at) => `renamed-${drawn.count - at}`)), FILES);
      expect(after.digest).toBe(before.digest);
      expect(after.steps.map((step) => step.symbol as string).sort()).toEqual(
        before.steps.map((step) => step.symbol as string).sort(),
      );
    }),
  );
});

test("the order of steps and of their keys, comments and layout change nothing", () => {
  fc.assert(
    fc.property(graphs, fc.infiniteStream(fc.nat()), (drawn, numbers) => {
      const steps = Object.entries(stepsOf(drawn));
      const shuffled = steps
        .map((step) => [numbers.next().value as number, step] as const)
        .sort(([a], [b]) => a - b)
        .map(([, [name, step]]) => [name, Object.fromEntries(Object.entries(step).reverse())] as const);
      const laidOut = `# a comment\n${stringify({ steps: Object.fromEntries(shuffled), params: { other: 2, rate: 1 }, version: 1 }, { indent: 4, lineWidth: 20 })}`;
      expect(ordered(laidOut, FILES).digest).toBe(ordered(text(stepsOf(drawn)), FILES).digest);
    }),
  );
});

test("retries, timeouts, resources, priorities and descriptions are not in a key", () => {
  const extras = {
    timeout: "5m",
    retry: { attempts: 7, on: ["error"] },
    resources: { cpu: 2, memory: "1Gi" },
    priority: 3,
    description: "words",
  };
  fc.assert(
    fc.property(graphs, fc.subarray(Object.keys(extras)), (drawn, names) => {
      const steps = stepsOf(drawn);
      const more = Object.fromEntries(names.map((name) => [name, extras[name as keyof typeof extras]]));
      const changed = Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, { ...step, ...more }]));
      expect(ordered(text(changed), FILES).digest).toBe(ordered(text(steps), FILES).digest);
    }),
  );
});

test("a parameter that a step does not list never reaches its key; one that it lists always does", () => {
  fc.assert(
    fc.property(graphs, fc.integer({ min: 3 }), (drawn, value) => {
      const with_ = (params: Record<string, number>): string =>
        stringify({ version: 1, params, steps: stepsOf(drawn) });
      const before = ordered(with_({ rate: 1, other: 2 }), FILES).digest;
      expect(ordered(with_({ rate: 1, other: value }), FILES).digest).toBe(before);
      expect(ordered(with_({ rate: value, other: 2 }), FILES).digest).not.toBe(before);
    }),
  );
});

test("command, environment variables, salt and input bytes are in the key", () => {
  const base = { run: "make", inputs: ["in.txt"], outputs: ["o"] };
  const one = (step: object, files = FILES): string =>
    ordered(stringify({ version: 1, steps: { s: step } }), files).digest;
  const before = one(base);

  for (const changed of [
    { ...base, run: "make it" },
    { ...base, env: { A: "1" } },
    { ...base, salt: "2" },
    { ...base, outputs: ["o", "p"] },
    { ...base, network: true },
    { ...base, run: ["make"] },
    { ...base, tools: { python: "3.11" } },
  ]) {
    expect(one(changed)).not.toBe(before);
  }
  expect(one(base, { ...FILES, "in.txt": "other bytes" })).not.toBe(before);
  expect(one({ ...base, outputs: [{ path: "o", type: "model" }] })).toBe(before);
});

test("exactly the descendants of a changed input get another symbol", () => {
  fc.assert(
    fc.property(graphs, (drawn) => {
      const steps = stepsOf(drawn);
      const first = Object.keys(steps)[0] ?? "";
      const touched = { ...steps, [first]: { ...steps[first], run: "another command" } };
      const before = new Map(ordered(text(steps), FILES).steps.map((step) => [step.name, step]));
      const after = new Map(ordered(text(touched), FILES).steps.map((step) => [step.name, step]));
      const descendants = new Set([first]);
      for (const step of after.values())
        if (step.after.some((name) => descendants.has(name))) descendants.add(step.name);
      for (const [name, step] of after) expect(step.symbol !== before.get(name)?.symbol).toBe(descendants.has(name));
    }),
  );
});

// Without its 1e30: integers beyond 2^53 are refused before they can reach a key.
test("canonical JSON: the examples of RFC 8785", () => {
  const rfc = {
    numbers: [Number("333333333.33333329"), 4.5, 2e-3, 0.000000000000000000000000001],
    string: '€$\u000F\nA\'B"\\\\"/',
    literals: [null, true, false],
  };

  expect(canonicalJson(rfc)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  expect(canonicalJson({ "€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, ö: 7 })).toBe(
    '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
  );
  expect(() => canonicalJson(Number.NaN)).toThrow(RangeError);
  expect(() => canonicalJson(2 ** 53)).toThrow(RangeError);
});

test("canonical JSON reads back to the same value and ignores the order of members", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const known = JSON.parse(JSON.stringify(value)) as Json;
      fc.pre(!hasHugeInteger(known));
      expect(JSON.parse(canonicalJson(known))).toEqual(known);
      expect(canonicalJson(reversed(known))).toBe(canonicalJson(known));
    }),
  );
});

function hasHugeInteger(value: Json): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value as object).some((member) => hasHugeInteger(member as Json));
}

function reversed(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => reversed(item as Json));
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

test("sorting by UTF-8 bytes is what Buffer.compare says", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(byUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("a run's id depends on what asked for it and nothing else", () => {
  const source = "a".repeat(40) as CommitSha;

  const id = runIdOf("local:x", "digits", source, "push:main");

  expect(parseRunId(id)).toBe(id);
  expect(runIdOf("local:x", "digits", source, "push:main")).toBe(id);
  expect(runIdOf("local:x", "digits", source, "push:other")).not.toBe(id);
  expect(digestOf("")).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("a key is the digest of the canonical JSON of the whole document, however it was put together", () => {
  const words = fc.array(fc.string({ unit: "grapheme" }), { maxLength: 3 });
  const value = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
    words,
  );
  const name = fc.stringMatching(/^[a-zA-Zé.]{1,8}$/);
  const values = fc.dictionary(name, value, { maxKeys: 3 });
  const inputs = fc.array(
    fc.record({ digest: fc.string(), kind: fc.constantFrom("file", "directory", "output"), path: fc.string() }),
    { maxLength: 3 },
  );
  const documents = fc.record({
    tools: values,
    shell: fc.option(fc.string()),
    secrets: words,
    salt: fc.string(),
    run: fc.oneof(fc.string(), words),
    plots: words,
    platform: fc.string(),
    params: values,
    outputs: fc.array(fc.record({ path: fc.string(), kind: fc.constantFrom("any", "directory") }), { maxLength: 3 }),
    network: fc.boolean(),
    metrics: words,
    key: fc.constant(1),
    inputs,
    image: fc.option(fc.string()),
    executor: fc.string(),
    environment: fc.option(fc.record({ lock: fc.option(fc.string()), kind: fc.string() })),
    env: values,
    accelerator: fc.option(fc.string()),
  });
  fc.assert(
    fc.property(documents, inputs, fc.dictionary(name, value, { maxKeys: 1 }), (drawn, other, more) => {
      const document = drawn as unknown as KeyDocument;
      const canonical = (value: unknown): string => digestOf(canonicalJson(value as Json));
      expect(keyOf(document)).toBe(canonical(drawn));
      expect(keyOf(withInputs(document, other as KeyDocument["inputs"]))).toBe(canonical({ ...drawn, inputs: other }));
      const strange = { ...more, ...drawn, platform: "other" };
      expect(keyOf(strange as unknown as KeyDocument)).toBe(canonical(strange));
    }),
  );
});
