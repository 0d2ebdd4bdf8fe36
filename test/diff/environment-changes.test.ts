import { expect, test } from "vitest";

import { environmentChanges } from "../../src/diff/environment-changes.ts";
import type { RunRecord, StepRecord } from "../../src/run/run-record.ts";

function run(outcome: object): RunRecord {
  const document = { image: null, environment: null, tools: {}, platform: "linux-x64", accelerator: null };
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
