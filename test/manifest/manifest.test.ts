import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { commitMessage } from "../../src/manifest/commit-message.ts";
import { parseManifest } from "../../src/manifest/parse-manifest.ts";
import { MAX_MANIFEST, renderManifest, renderRun } from "../../src/manifest/render-manifest.ts";
import { EXTENSION } from "../../src/manifest/statement.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { digitsRun, doneStep, runId } from "./run-records.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Train ran out of memory and evaluate never started, in a work tree with uncommitted files. */
function failedRun(): RunRecord {
  const run = digitsRun({
    status: "failed",
    dirty: { tree: "runs/tree", paths: ["params.yaml"] },
    overrides: { "train.learning_rate": 0.2 },
  });
  return {
    ...run,
    steps: run.steps.map((step) => {
      if (step.name === "train")
        return {
          ...step,
          outcome: { kind: "failed", failure: { kind: "oom", limitBytes: 2_147_483_648, peakBytes: 2_147_000_000 } },
        };
      if (step.name === "evaluate")
        return { ...step, key: null, document: null, attempts: [], outcome: { kind: "not-started", because: "train" } };
      if (step.outcome.kind !== "succeeded") return step;
      const { result, facts, isolation } = step.outcome;
      return {
        ...step,
        attempts: [],
        outcome: { kind: "cached", result, facts, isolation, from: runId("r4k7"), domain: "local" },
      };
    }),
  };
}

test("a succeeded run", async () => {
  const bytes = renderManifest(digitsRun());
  await expect(decode(bytes)).toMatchFileSnapshot("../golden/manifests/succeeded.json");
  await expect(commitMessage(digitsRun(), digestOf(bytes), "accuracy 0.9889 (+0.0041)")).toMatchFileSnapshot(
    "../golden/manifests/succeeded.txt",
  );
});

test("a failed run", async () => {
  const run = { ...failedRun(), pullRequest: 12, approvedBy: ["hubot"], requestedBy: "octocat" };
  const bytes = renderManifest(run);
  await expect(decode(bytes)).toMatchFileSnapshot("../golden/manifests/failed.json");
  await expect(commitMessage(run, digestOf(bytes), undefined)).toMatchFileSnapshot("../golden/manifests/failed.txt");
});

test("a manifest cut to its smallest", async () => {
  const { manifest, parts } = renderRun(failedRun(), 0);
  await expect(decode(manifest)).toMatchFileSnapshot("../golden/manifests/cut.json");
  expect([...parts.keys()]).toEqual(["sources.json", "paths.json", "observations.json", "params.json", "steps.json"]);
});

test("a run of ten thousand steps and fifty thousand files has a manifest within the bound", () => {
  const steps = Array.from({ length: 10_000 }, (_, at) =>
    doneStep(`step${at}`, { inputs: [], outputs: { [`out/${at}`]: `${at}` }, terminal: true }),
  );
  const sources = Object.fromEntries(
    Array.from({ length: 50_000 }, (_, at) => [`src/module-${at}.mjs`, digestOf(`${at}`)]),
  );
  const { manifest, parts } = renderRun(digitsRun({ steps, sources }));
  expect(manifest.byteLength).toBeLessThanOrEqual(MAX_MANIFEST);
  expect([...parts.keys()]).toContain("steps.json");
  const parsed = parseManifest(
    manifest,
    () => undefined,
    (file) => parts.get(file),
  );
  expect(parsed.kind === "ok" && parsed.record.steps.length).toBe(10_000);
});

test("a changed part is refused", () => {
  const { manifest, parts } = renderRun(digitsRun(), 0);
  const changed = parseManifest(
    manifest,
    () => undefined,
    (file) => (file === "sources.json" ? new TextEncoder().encode("{}") : parts.get(file)),
  );
  expect(changed).toEqual({ kind: "refused", why: "sources.json beside it has other bytes than it says" });
});

test("a newer format is refused with a sentence", () => {
  const statement = JSON.parse(decode(renderManifest(digitsRun())));
  statement.predicate[EXTENSION].manifest = 2;
  const parsed = parseManifest(new TextEncoder().encode(JSON.stringify(statement)), () => undefined);
  expect(parsed).toEqual({
    kind: "refused",
    why: "it has format 2 and this Sluice reads up to 1: install a newer one",
  });
});

test.each([
  ["nothing", "", "it is not JSON"],
  ["another statement", '{"predicate":{}}', "it is no manifest of a run"],
  [
    "a manifest without a version",
    JSON.stringify({ predicate: { [EXTENSION]: { manifest: "1" } } }),
    "its format has no version",
  ],
  [
    "a manifest without facts",
    JSON.stringify({ predicate: { [EXTENSION]: { manifest: 1, parts: {}, observations: {} } } }),
    "facts is not what it should be",
  ],
])("%s is refused with a sentence", (_, text, why) => {
  expect(parseManifest(new TextEncoder().encode(text), () => undefined)).toEqual({ kind: "refused", why });
});
