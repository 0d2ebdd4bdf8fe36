import { expect, test } from "vitest";

import { roomOf, runsElsewhere } from "../../src/scheduling/step-room.ts";
import { parsed } from "../builders/pipeline.ts";

const [step] = parsed(`version: 1
steps:
  train: { run: x, resources: { cpu: 4, memory: 2Gi, gpu: 1 } }
`).steps;
if (step === undefined) throw new Error("one step is declared");
const train = step;

test("an attempt takes its cores, its GPUs and the memory that it is given", () => {
  expect(roomOf(train, 2 ** 32)).toEqual({ cpu: 4, memoryBytes: 2 ** 32, gpus: 1 });
  expect(roomOf(train, null)).toEqual({ cpu: 4, memoryBytes: 0, gpus: 1 });
});

test.each([
  ["process", false],
  ["container", false],
  ["slurm", true],
  ["kubernetes", true],
] as const)("executor %s: the job is elsewhere: %s", (executor, elsewhere) => {
  const there = { ...train, executor };
  expect(runsElsewhere(there)).toBe(elsewhere);
  expect(roomOf(there, 2 ** 32).memoryBytes).toBe(elsewhere ? 0 : 2 ** 32);
  if (elsewhere) expect(roomOf(there, 2 ** 32)).toEqual({ cpu: 0, memoryBytes: 0, gpus: 0 });
});
