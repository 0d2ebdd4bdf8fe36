import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/identity/canonical-json.ts";
import { furtherProblems } from "../../src/pipeline/further-problems.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { treeOf } from "../../src/pipeline/tree.ts";

const FILES = [{ path: "data.csv", kind: "file" as const, tracked: true }];

/** What is said of a file by parsing it, and what is found beyond that. */
function said(text: string, params?: JsonObject): { readonly first: string[]; readonly more: string[] } {
  const { value, rest, problems } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(text) });
  if (value !== null || rest === null) throw new Error("the file has errors, and something is left of it");
  const more = furtherProblems(rest, {
    tree: treeOf(FILES),
    known: problems,
    deploys: false,
    ...(params === undefined ? {} : { params }),
  });
  const shown = (all: typeof problems): string[] => all.map(({ at, code }) => `${at.line}:${at.column} ${code}`);
  return { first: shown(problems), more: shown(more) };
}

describe("the rest of a file that has errors", () => {
  test.each(["ouputs", "outs", "metircs"])("whoever reads what stands under `%s` is not at fault", (key) => {
    const { first, more } = said(
      `version: 1\nsteps:\n  a: { run: x, ${key}: [out] }\n  b: { run: y, inputs: [out], needs: [c] }\n`,
    );
    expect(first).toEqual(["3:16 unknown-key"]);
    expect(more).toEqual([]);
  });

  test("is searched for every other mistake in the same go", () => {
    const text = `version: 1
timout: 3m
steps:
  a:
    run: x
    inputs: [dat.csv, "dataset:none", out/b]
    params: [rate]
    outputs: [out/a]
  b:
    run: y
    needs: [c]
    inputs: [out/a]
    outputs: [out/b, out/a]
`;
    const { first, more } = said(text, {});
    expect(first).toEqual(["2:1 unknown-key"]);
    expect(more.toSorted()).toEqual([
      "11:13 unknown-step",
      "13:22 two-producers",
      "6:14 missing-input",
      "6:23 unknown-dataset",
      "6:39 cycle",
      "7:14 unknown-parameter",
    ]);
  });

  test("is not blamed for what was taken out", () => {
    const outputs =
      "version: 1\nsteps:\n  a: { run: x, outputs: 5 }\n  b: { run: y, inputs: [out/a], params: [rate] }\n";
    expect(said(outputs, { rate: 1 })).toEqual({ first: ["3:25 bad-value"], more: [] });

    const twice = "version: 1\nsteps:\n  a: { run: x, outputs: [o] }\n  a: { run: z }\n  b: { run: y, inputs: [o] }\n";
    expect(said(twice, {})).toEqual({ first: ["4:3 duplicate-key"], more: [] });

    const dataset =
      'version: 1\ndatasets: { raw: { path: data.csv, pipeline: 5 } }\nsteps:\n  a: { run: x, inputs: ["dataset:raw"] }\n';
    expect(said(dataset, {}).more).toEqual([]);

    const input = "version: 1\nsteps:\n  a: { run: x, inputs: [5, data.csv] }\n";
    expect(said(input, {})).toEqual({ first: ["3:25 bad-value"], more: [] });
  });

  test("is not asked for parameters that could not be read", () => {
    const text = "version: 1\nx: 1\nparams: params.yaml\nsteps:\n  a: { run: x, params: [rate] }\n";
    expect(said(text).more).toEqual([]);
    expect(said(text, {}).more).toEqual(["5:25 unknown-parameter"]);
  });

  test("adds no more than a hundred in all", () => {
    const steps = Array.from({ length: 150 }, (_, nth) => `  s${nth}: { run: x, inputs: [none${nth}] }`);
    const { first, more } = said(`version: 1\nx: 1\nsteps:\n${steps.join("\n")}\n`, {});
    expect([first.length, more.length]).toEqual([1, 99]);
  });
});
