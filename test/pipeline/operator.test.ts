import { readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import { expect, test } from "vitest";

import { narrow, type Narrowed } from "../../src/pipeline/narrow.ts";
import type { Operator } from "../../src/pipeline/operator.ts";
import { parseOperator } from "../../src/pipeline/parse-operator.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";
import type { Settings } from "../../src/pipeline/settings.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function operatorOf(text: string): Operator {
  const { value, problems } = parseOperator({ path: "operator.yaml", bytes: encode(text) });
  if (value === null) throw new Error(JSON.stringify(problems));
  return value;
}

function settingsOf(text: string): Settings {
  const { value, problems } = parseSettings({ path: "sluice.yaml", bytes: encode(text) });
  if (value === null) throw new Error(JSON.stringify(problems));
  return value;
}

const full = operatorOf(readFileSync(join(import.meta.dirname, "../fixtures/operators/valid/full.yaml"), "utf8"));
const narrowed = (text: string): Narrowed => narrow(full, settingsOf(`version: 1\n${text}`), "acme/vision");

test("the operator's file is kept whole, with its defaults", () => {
  expect(full.pools["gpu"]).toEqual({
    concurrency: 2,
    on: ["push", "command"],
    executors: ["process", "container"],
    kubernetes: null,
    domains: ["main", "pr"],
    platform: "linux-x64",
    accelerator: "cuda-12.4-sm90",
    usdPerHour: 2.5,
    untrusted: false,
  });
  expect(full.pools["forks"]?.domains).toEqual(["fork"]);
  expect(full.quotas).toEqual({
    runsPerDay: 200,
    stepsAtOnce: 8,
    stepsPerRun: null,
    artifactBytes: 50 * 2 ** 30,
    storeBytes: 2 ** 40,
  });
  expect(parseOperator(null)).toMatchObject({ problems: [], value: { store: null, leastIsolation: "workspace" } });
});

test.each([
  ["pools: { tpu: {} }", "2:15"],
  ["pools: { default: { concurrency: 9 } }", "2:34"],
  ["pools: { gpu: { on: [push, schedule] } }", "2:21"],
  ["fair_share: { weights: { digits: 6 } }", "2:34"],
  ["sandbox: off", "2:10"],
  ["divergence: report", "2:13"],
  ["forks: { run: maintainer }", "2:8"],
  ["forks: { run: maintainer, pool: gpu }", "2:8"],
  ['secrets: { T: { from: "env:OTHER" } }', "2:15"],
  ['notify: [{ webhook: "env:OTHER", on: [held] }]', "2:10"],
  ["retention: { runs: 2y }", "2:20"],
])("%s would widen what the operator allows", (text, place) => {
  const { problems } = narrowed(text);
  expect(problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`)).toEqual([`${place} widens-operator`]);
});

test("what narrows holds", () => {
  const { settings, pools, problems } = narrowed(
    [
      "pools: { default: { concurrency: 2 }, gpu: { on: [push] } }",
      'secrets: { T: { from: "env:HF_TOKEN" } }',
      'notify: [{ webhook: "env:ALERT_ML", on: [held] }]',
      "forks: { run: maintainer, pool: forks }",
      "retention: { runs: 90d }",
    ].join("\n"),
  );
  expect(problems).toEqual([]);
  expect(pools["default"]?.concurrency).toBe(2);
  expect(pools["gpu"]).toMatchObject({ concurrency: 2, on: ["push"] });
  expect(settings).toMatchObject({ sandbox: "require", divergence: "stop", forks: { pool: "forks" } });
  expect(settings.secrets).toHaveLength(1);
  expect(settings.retention.runsMs).toBe(90 * 86_400_000);
});

test("settings that say nothing get the operator's word without a complaint", () => {
  const { settings, problems } = narrow(full, settingsOf("version: 1\n"), "acme/vision");
  expect(problems).toEqual([]);
  expect(Object.keys(settings.pools)).toEqual(["default", "gpu", "forks"]);
  expect(settings.retention.runsMs).toBe(365 * 86_400_000);
});

test("a source that no worker could read is a problem", () => {
  const bytes = new TextEncoder().encode('version: 1\ninstallations: [{ account: acme, sources: ["HF_TOKEN"] }]\n');
  const [problem] = parseOperator({ path: "operator.yaml", bytes }).problems;
  expect(problem?.message).toContain("a source such as `env:HF_TOKEN`");
});

test("a source is listed for its repository alone, and Sluice's own names never are", () => {
  const own = operatorOf('version: 1\ninstallations: [{ account: acme, repositories: [a], sources: ["env:*"] }]\n');
  const asks = (from: string): Settings => settingsOf(`version: 1\nsecrets: { T: { from: "${from}" } }\n`);
  expect(narrow(own, asks("env:X"), "acme/a").settings.secrets).toHaveLength(1);
  expect(narrow(own, asks("env:X"), "acme/b").settings.secrets).toEqual([]);
  expect(narrow(own, asks("env:X"), "evil/a").settings.secrets).toEqual([]);
  expect(narrow(own, asks("env:SLUICE_SIGNING_KEY"), "acme/a").settings.secrets).toEqual([]);
  expect(narrow(own, asks("file:/etc/x"), "acme/a").settings.secrets).toEqual([]);
});

test("whatever a repository asks for, it never gets more than the operator gives", () => {
  const asked = fc.record({
    concurrency: fc.integer({ min: 1, max: 20 }),
    weight: fc.integer({ min: 1, max: 20 }),
    pool: fc.constantFrom("default", "gpu", "forks", "other"),
    on: fc.subarray(["push", "command", "schedule", "local"]),
    sandbox: fc.constantFrom("auto", "require", "off"),
  });
  fc.assert(
    fc.property(asked, ({ concurrency, weight, pool, on, sandbox }) => {
      const { settings, pools } = narrowed(
        `pools: { ${pool}: { concurrency: ${concurrency}, on: [${on.join(", ")}] } }\nfair_share: { weights: { a: ${weight} } }\nsandbox: ${sandbox}`,
      );
      expect(Object.keys(pools)).toEqual(Object.keys(full.pools));
      for (const [name, { concurrency: slots, on: triggers }] of Object.entries(full.pools)) {
        expect(pools[name]?.concurrency).toBeLessThanOrEqual(slots);
        if (triggers !== null) expect(triggers).toEqual(expect.arrayContaining([...(pools[name]?.on ?? ["none"])]));
      }
      expect(settings.weights["a"]).toBeLessThanOrEqual(5);
      expect(settings.sandbox).toBe("require");
    }),
  );
});

const cluster = "kubernetes: { namespace: ml, claim: sluice-data }";

test("a pool says where its Jobs of Kubernetes are made", () => {
  const own = operatorOf(`version: 1\npools: { k8s: { executors: [kubernetes], ${cluster} } }\n`);
  expect(own.pools["k8s"]?.kubernetes).toEqual({
    namespace: "ml",
    claim: "sluice-data",
    path: "",
    gpu: "nvidia.com/gpu",
    pendingMs: 3_600_000,
    nodeSelector: {},
    tolerations: [],
  });
  const written =
    "pending: 10m, path: a/b, node_selector: { kind: a100 }, tolerations: [{ key: gpu, effect: NoSchedule }]";
  const full = operatorOf(
    `version: 1\npools: { k8s: { executors: [kubernetes], kubernetes: { namespace: ml, claim: c, ${written} } } }\n`,
  );
  expect(full.pools["k8s"]?.kubernetes).toMatchObject({
    path: "a/b",
    pendingMs: 600_000,
    nodeSelector: { kind: "a100" },
    tolerations: [{ key: "gpu", value: null, effect: "NoSchedule" }],
  });
});

test.each([
  ["pools: { k8s: { executors: [kubernetes] } }", "2:28 no-cluster"],
  [`pools: { k8s: { ${cluster} } }`, "2:29 unused-cluster"],
  ["pools: { k8s: { executors: [kubernetes], kubernetes: { namespace: ML, claim: c } } }", "2:67 bad-value"],
  [
    "pools: { k8s: { executors: [kubernetes], kubernetes: { namespace: ml, claim: c, path: ../up } } }",
    "2:87 bad-value",
  ],
  ["pools: { k8s: { executors: [kubernetes], kubernetes: { namespace: ml } } }", "2:42 missing-key"],
])("%s is a mistake", (text, expected) => {
  const { problems } = parseOperator({ path: "operator.yaml", bytes: encode(`version: 1\n${text}\n`) });
  expect(problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`)).toEqual([expected]);
});
