import { expect, test } from "vitest";

import { dataComparison } from "../../src/diff/data-comparison.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { digitsRun, doneStep } from "../manifest/run-records.ts";

/** raw → clean/ → fit, which also reads a file of `labels`; `names` are those of the datasets in the run. */
function run(raw: string, labels: string, names = { raw: "raw", labels: "labels" }): RunRecord {
  const dataset = (name: string, path: string, bytes: string) => ({
    name,
    path,
    digest: digestOf(bytes),
    size: 1,
    uri: null,
  });
  return digitsRun({
    datasets: [dataset(names.raw, "data/raw", raw), dataset(names.labels, "data/labels", labels)],
    steps: [
      doneStep("clean", { inputs: [["data/raw", "dataset", raw]], outputs: { clean: `clean ${raw}` } }),
      doneStep("fit", {
        inputs: [
          ["clean/part/one.csv", "output", `one ${raw}`],
          ["src/fit.py", "file", "fit"],
        ],
        outputs: { "out/model": "m" },
      }),
      doneStep("judge", {
        inputs: [
          ["out/model", "output", "m"],
          ["data/labels", "dataset", labels],
        ],
        outputs: { "out/judged": "j" },
      }),
    ],
  });
}

test("what a step read through others counts, also as a file inside of an output", () => {
  const differing = dataComparison(run("old", "same"), run("new", "same"));
  expect(["clean", "fit", "judge"].map((step) => differing(step, step))).toEqual(["raw", "raw", "raw"]);
});

test("what a step did not read does not", () => {
  const differing = dataComparison(run("same", "old"), run("same", "new"));
  expect(["clean", "fit", "judge"].map((step) => differing(step, step))).toEqual([undefined, undefined, "labels"]);
});

test("data with another name and the same bytes is the same, with other bytes it has its name of now", () => {
  const renamed = { raw: "scans", labels: "labels" };
  expect(dataComparison(run("same", "x"), run("same", "x", renamed))("judge", "judge")).toBeUndefined();
  expect(dataComparison(run("old", "x"), run("new", "x", renamed))("judge", "judge")).toBe("scans");
});

test("data that is read no more is told by the name that it had", () => {
  const [before, after] = [run("old", "x"), run("old", "x")];
  const without = { ...after, steps: after.steps.filter(({ name }) => name !== "clean") };
  expect(dataComparison(before, without)("fit", "fit")).toBe("raw");
  expect(dataComparison(without, before)("fit", "fit")).toBe("raw");
  expect(dataComparison(before, without)("judge", "judge")).toBe("raw");
});

test("a dataset that no run names is called by its path", () => {
  const unnamed = { ...run("new", "x"), datasets: [] };
  expect(dataComparison(run("old", "x"), unnamed)("clean", "clean")).toBe("data/raw");
});

test("without key documents all data of a run counts, for a step that it does not have as well", () => {
  const later = run("same", "new");
  const unknown = { ...later, steps: later.steps.map((step) => ({ ...step, document: null })) };
  const before = run("same", "old");
  const withoutDocuments = { ...before, steps: before.steps.map((step) => ({ ...step, document: null })) };
  expect(dataComparison(withoutDocuments, unknown)("clean", "clean")).toBe("labels");
  expect(dataComparison(before, later)("nobody", "nobody")).toBe("labels");
  expect(dataComparison(before, before)("nobody", "nobody")).toBeUndefined();
});

test("steps that read each other's outputs in a circle are read once", () => {
  const step = (name: string, reads: string, writes: string) =>
    doneStep(name, {
      inputs: [
        [reads, "output", "x"],
        [`data/${name}`, "dataset", name],
      ],
      outputs: { [writes]: "x" },
    });
  const circle = digitsRun({ datasets: [], steps: [step("a", "b.out", "a.out"), step("b", "a.out", "b.out")] });
  expect(dataComparison(circle, digitsRun({ datasets: [], steps: [step("a", "none", "a.out")] }))("a", "a")).toBe(
    "data/b",
  );
});
