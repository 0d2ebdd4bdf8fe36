import { expect, test } from "vitest";

import { recordedDataset } from "../../src/cli/recorded-dataset.ts";
import { digestOf, type Digest } from "../../src/identity/identity.ts";
import type { Dataset } from "../../src/pipeline/pipeline.ts";
import { digitsRun, sha } from "../manifest/run-records.ts";

const upstream = digitsRun();
const output = upstream.steps.flatMap(({ outcome }) => ("facts" in outcome ? outcome.facts.outputs : []))[0];

test.each([
  ["nothing", undefined, ""],
  ["something else", digestOf("else"), "move it away, then "],
])("where %s stands in place of another pipeline's output, its run is named", async (_, digest, before) => {
  const { path, size, digest: wrote } = output ?? { path: "", size: 0, digest: digestOf("") };
  const dataset: Dataset = {
    name: "model",
    at: [1, 1, 1, 1],
    optional: false,
    kind: "output",
    pipeline: "digits",
    path,
    from: { run: "latest" },
  };
  const measured = (of: Digest): { digest: Digest; size: number; files: number } => ({ digest: of, size, files: 1 });

  const state = await recordedDataset(
    {
      repository: { measure: () => Promise.resolve(digest === undefined ? undefined : measured(digest)) },
      history: {
        runs: () => [{ ...upstream, pipeline: "digits", commit: sha("1"), metrics: {} }],
        record: () => Promise.resolve(upstream),
      },
    },
    { id: upstream.id, datasets: [{ name: "model", path, digest: wrote, size, uri: null }] },
    dataset,
  );

  expect(state).toMatchObject({ kind: "problem", next: `${before}sluice get ${upstream.id}:${path}` });
});
