import { expect, test } from "vitest";

import { declaredStep } from "../../src/run/declared-step.ts";
import { ordered } from "../builders/pipeline.ts";

const declared = (more: string, isolation: "sandbox" | "workspace" | "container" | null = "sandbox") => {
  const text = `version: 1\nsteps:\n  s: { run: x, inputs: [in.csv, src/]${more} }\n`;
  const [step] = ordered(text, { "in.csv": "1", "src/a.py": "2" }).steps;
  if (step === undefined) throw new Error("one step is declared");
  return declaredStep(step, isolation);
};

test("inputs are told as they were found, outputs as they are written in a list", () => {
  const { read, outputs } = declared(', outputs: [out/, "a b", { path: m, type: model }]');
  expect(read.toSorted()).toEqual(["in.csv", "src"]);
  expect(outputs).toEqual(["out/", '"a b"', "{ path: m, type: model }"]);
});

test.each([
  ["", "sandbox", true],
  ["", "workspace", false],
  ["", null, false],
  [", network: true", "sandbox", false],
  [", executor: kubernetes", null, true],
  [", executor: kubernetes, network: true", null, false],
  [", executor: slurm", "sandbox", false],
] as const)("a step with %j at isolation %s is closed: %s", (more, isolation, closed) => {
  const image = more.includes("kubernetes") ? `, environment: { image: "a@sha256:${"1".repeat(64)}" }` : "";
  expect(declared(`${more}${image}`, isolation).closed).toBe(closed);
});
