import { expect, test } from "vitest";

import { environmentChanges } from "../../src/diff/environment-changes.ts";
import type { RunRecord, StepRecord } from "../../src/run/run-record.ts";

function run(outcome: object, surroundings: object = {}): RunRecord {
  const plain = { image: null, environment: null, tools: {}, platform: "linux-x64", accelerator: null };
  const document = { ...plain, ...surroundings };
  const step = { id: "a", name: "a", document, outcome } as unknown as StepRecord;
  return { host: { platform: "linux-x64", cpus: 2, version: "1" }, steps: [step] } as unknown as RunRecord;
}

const isolated = (isolation: string): RunRecord => run({ kind: "succeeded", isolation });

test("an isolation that changed is told, one that was not recorded is none", () => {
  expect(environmentChanges(isolated("sandbox"), isolated("workspace"))).toEqual([
    { name: "isolation", from: "sandbox", to: "workspace", steps: ["a"] },
  ]);
  expect(environmentChanges(isolated("sandbox"), run({ kind: "failed" }))).toEqual([]);
  expect(environmentChanges(run({ kind: "failed" }), isolated("sandbox"))).toEqual([]);
});

test.each([
  ["image", { image: "a@sha256:1" }, { image: "a@sha256:2" }, "a@sha256:1", "a@sha256:2"],
  ["image", {}, { image: "a@sha256:2" }, null, "a@sha256:2"],
  ["tool python", { tools: { python: "3.11" } }, { tools: {} }, "3.11", null],
  ["platform", {}, { platform: "linux-arm64" }, "linux-x64", "linux-arm64"],
  ["accelerator", { accelerator: "cuda" }, {}, "cuda", null],
  [
    "environment",
    { environment: { kind: "uv", lock: "sha256:1" } },
    { environment: { kind: "uv", lock: null } },
    "uv sha256:1",
    "uv",
  ],
  ["environment", {}, { environment: { kind: "venv", lock: null } }, null, "venv"],
])("%s that changed from %j to %j is told", (name, before, after, from, to) => {
  const succeeded = { kind: "cached", isolation: "sandbox" };
  expect(environmentChanges(run(succeeded, before), run(succeeded, after))).toEqual([{ name, from, to, steps: ["a"] }]);
});

test("changes are told by name, once for all steps that have the same, then those of the machine", () => {
  const two = (tools: object, host: object): RunRecord => {
    const one = run({ kind: "failed" }, { tools });
    const steps = one.steps.flatMap((step) => [step, { ...step, id: "b", name: "b" }]);
    return { ...one, steps, host: { ...one.host, ...host } };
  };
  expect(
    environmentChanges(two({ b: "1", a: "1" }, {}), two({ b: "2", a: "2" }, { platform: "x", cpus: 4, version: "2" })),
  ).toEqual([
    { name: "tool a", from: "1", to: "2", steps: ["a", "b"] },
    { name: "tool b", from: "1", to: "2", steps: ["a", "b"] },
    { name: "cores", from: "2", to: "4", steps: [] },
    { name: "machine", from: "linux-x64", to: "x", steps: [] },
    { name: "sluice", from: "1", to: "2", steps: [] },
  ]);
});

test("of a step that only one run has, or without its key document, nothing is known", () => {
  const [before, after] = [run({ kind: "failed" }), run({ kind: "failed" }, { platform: "other" })];
  const renamed = { ...after, steps: after.steps.map((step) => ({ ...step, id: "new" })) };
  const unknown = { ...after, steps: after.steps.map((step) => ({ ...step, document: null })) };
  expect(environmentChanges(before, renamed)).toEqual([]);
  expect(environmentChanges(before, unknown)).toEqual([]);
  expect(environmentChanges(unknown, after)).toEqual([]);
});
