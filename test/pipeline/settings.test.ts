import { expect, test } from "vitest";

import { firstPath } from "../../src/pipeline/first-path.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";

const problemsOf = (text: string): readonly string[] =>
  parseSettings({ path: "sluice.yaml", bytes: new TextEncoder().encode(`version: 1\n${text}\n`) }).problems.map(
    ({ at, code, next }) => `${at.line}:${at.column} ${code}: ${next}`,
  );

const prod = (rest: string): string => `environments: { prod: { ${rest} } }`;

test.each([
  ["pools: { gpu: { on: [puhs] } }", "2:22 bad-value: did you mean `push`?"],
  ["pools: { gpu: { on: [pull_request] } }", "2:22 bad-value: did you mean `pull-request`?"],
  ['secrets: { T: { from: "env:T", on: [shedule] } }', "2:37 bad-value: did you mean `schedule`?"],
  ["permissions: { run: wirte }", "2:21 bad-value: did you mean `write`?"],
  ['notify: [{ webhook: "env:A", on: [failed-shedule] }]', "2:35 bad-value: did you mean `failed-schedule`?"],
  [prod('windows: ["mon-fry 09:00-17:00"]'), "2:35 bad-window"],
  [prod('freezes: ["2026-12-20..2026-13-02"]'), "2:35 bad-window"],
  [prod("windows: [weekends]"), "2:35 bad-value"],
  [prod("gates: [\"run.isolaton == 'sandbox'\"]"), "2:33 bad-condition: did you mean `isolation`?"],
  ['policies: [{ name: a, deny: "plan.steps.exists(s, !s.pined)" }]', "2:29 bad-condition: did you mean `pinned`?"],
  ["environments: { prod: {}, ../prod: {} }", "2:27 bad-name"],
  ["environments: { prod: {}, prod.lock: {} }", "2:27 bad-name"],
  ["environments: { _: {} }", "2:17 bad-name"],
  ["environments: { süd: {} }", "2:17 bad-name"],
  [
    `environments: { ok: {}, ${"e".repeat(41)}: {} }`,
    "2:25 bad-name: write a name of at most 40 letters, digits, `-` and `_`",
  ],
  ["environments: { prod: {}, Prod: {} }", "2:27 case-collision: call `Prod` otherwise"],
  ["pools: { gpu: { usd_per_hour: 2 } }", "2:17 operator-key: move it to the operator's file"],
  ['pipelines: "ml/*.{yaml,yml}"', "2:12 glob-syntax: write one item each"],
  [`pipelines: "${"*a".repeat(600)}"`, "2:12 glob-syntax: write a wider one"],
  ['pipelines: "(ci|ml)/*.yaml"', "2:12 glob-syntax"],
  ['pipelines: "!ml/*.yaml"', "2:12 glob-syntax"],
  ["least_isolation: sandbox", "2:1 operator-key: move it to the operator's file"],
])("%s is told at its place: %s", (text, expected) => {
  expect(problemsOf(text)).toEqual([expect.stringContaining(expected)]);
});

test.each([
  prod('windows: ["mon-fri 09:00-17:00 Europe/Berlin"], freezes: ["2026-12-20..2027-01-02", "fri 15:00-24:00"]'),
  prod('gates: ["live == null || metrics.accuracy >= live.metrics.accuracy", "environment.name == \'prod\'"]'),
  "permissions: { run: write, promote: { team: acme/ml } }",
  `environments: { ${"e".repeat(40)}: {} }`,
])("%s is read without a complaint", (text) => {
  expect(problemsOf(text)).toEqual([]);
});

test.each([
  ["pipelines/*.yaml", "pipelines/main.yaml"],
  ["pipelines/*.yml", "pipelines/main.yml"],
  ["ml/**/*.y*ml", "ml/main.yaml"],
  ["ml/*/pipeline.yaml", "ml/main/pipeline.yaml"],
  ["ml/**", "ml/main.yaml"],
  ["sluice-pipeline.yaml", "sluice-pipeline.yaml"],
  ["*.json", undefined],
])("a first pipeline stands where %s takes it", (glob, path) => {
  expect(firstPath(glob)).toBe(path);
});

test("a glob of pipelines is taken as a path is: without `./` and doubled slashes", () => {
  const read = (glob: string) =>
    parseSettings({ path: "sluice.yaml", bytes: new TextEncoder().encode(`version: 1\npipelines: ${glob}\n`) }).value;
  expect(read("./ci//*.yaml")?.pipelines).toBe("ci/*.yaml");
  expect(read("ci (old)/*.yaml")?.pipelines).toBe("ci (old)/*.yaml");
});
