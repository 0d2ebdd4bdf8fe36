import { expect, test } from "vitest";

import { allReads, readsOf, touches, type Reads } from "../../src/pipeline/reads.ts";
import { parsed, resolved } from "../builders/pipeline.ts";

const TEXT = `version: 1
name: sum
datasets:
  raw: { path: raw }
  old: { path: old.csv, pin: pins/old.yaml }
  dvc: { dvc: letters.dvc }
steps:
  add:
    run: sh add.sh
    inputs: [add.sh, data/, "tables/*.csv", dataset:raw, dataset:old, dataset:dvc]
    outputs: [sum.txt]
`;

function reads(files: readonly string[] = []): Reads {
  const there = Object.fromEntries(["add.sh", "data/a.txt", "tables/a.csv", ...files].map((path) => [path, "x"]));
  const file = { path: "pipelines/sum.yaml", parameterFiles: [{ path: "params.yaml" }], pipeline: parsed(TEXT) };
  return readsOf({ file, resolution: resolved(TEXT, there) });
}

test.each([
  ["a file that it reads", "add.sh", true],
  ["the pipeline itself", "pipelines/sum.yaml", true],
  ["its parameters", "params.yaml", true],
  ["a new file of a directory that it reads", "data/deep/new.txt", true],
  ["a new file that a pattern selects", "tables/new.csv", true],
  ["a file that the pattern leaves out", "tables/new.txt", false],
  ["a file whose name only begins like a directory", "data.txt", false],
  ["a new file of a dataset in git", "raw/new.csv", true],
  ["a dataset's pin", "datasets/raw.yaml", true],
  ["a dataset's pin by its name", "pins/old.yaml", true],
  ["a pointer of DVC", "letters.dvc", true],
  ["anything else", "README.md", false],
])("%s touches a plan, or not", (_, path, touched) => {
  expect(touches([path], reads())).toBe(touched);
  expect(touches([path], allReads([reads()]))).toBe(touched);
});

test("what many files are read by is kept as their directories, and misses none of them", () => {
  const many = Array.from({ length: 3_000 }, (_, at) => `data/${at % 300}/${at}.txt`);
  const kept = allReads([reads(many)]);
  expect(kept.places.length).toBeLessThanOrEqual(200);
  expect(many.filter((path) => !touches([path], kept))).toEqual([]);
});
