import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { directoryDigest, keyOf } from "../../src/key/key-document.ts";
import { resolvePipeline } from "../../src/pipeline/resolve.ts";
import type { DatasetState } from "../../src/pipeline/resolution.ts";
import { treeOf } from "../../src/pipeline/tree.ts";
import type { WorkOrder, WorkStep } from "../../src/plan/plan.ts";
import { isPinned, workOrder, type FileFact, type WorkOrderOptions } from "../../src/plan/work-order.ts";
import { ordered, parsed, resolved } from "../builders/pipeline.ts";

const LINUX: WorkOrderOptions = { platform: "linux-x64", accelerator: null };

function stepOf(order: WorkOrder, name: string): WorkStep {
  const found = order.steps.find((step) => step.name === name);
  if (found === undefined) throw new Error(`no step ${name}`);
  return found;
}
const only = (
  text: string,
  options: WorkOrderOptions = LINUX,
  files: Readonly<Record<string, string>> = {},
): WorkStep => {
  const fact = (path: string): FileFact | undefined =>
    files[path] === undefined ? undefined : { digest: digestOf(files[path]), executable: false, size: 1 };
  return stepOf(workOrder(resolved(`version: 1\nsteps:\n  s: ${text}\n`, files), fact, options), "s");
};

test("a document says all that can change a result, as it is declared", () => {
  const step = only(
    `{
      run: "python t.py", shell: sh, inputs: [in.csv], outputs: [out/], params: [a], env: { MODE: fast }, network: true,
      secrets: [ZETA, ALPHA], metrics: [m.json], salt: "7", tools: { python: "3.11" } }\nparams: { a: { b: 1 }, c: 2 }`,
    { platform: "linux-arm64", accelerator: "cuda" },
    { "in.csv": "1" },
  );
  expect(step.document).toEqual({
    key: 1,
    salt: "7",
    executor: "process",
    image: null,
    platform: "linux-arm64",
    accelerator: "cuda",
    tools: { python: "3.11" },
    environment: null,
    shell: "sh",
    run: "python t.py",
    params: { a: { b: 1 } },
    env: { MODE: "fast" },
    network: true,
    secrets: ["ALPHA", "ZETA"],
    inputs: [{ path: "in.csv", kind: "file", digest: digestOf("1") }],
    outputs: [
      { path: "m.json", kind: "any" },
      { path: "out", kind: "directory" },
    ],
    metrics: ["m.json"],
    plots: [],
  });
  expect(step.symbol).toBe(keyOf(step.document));
});

test("a list is run without a shell", () => {
  expect(only('{ run: [python, "a b"] }').document).toMatchObject({ run: ["python", "a b"], shell: null });
});

test("metrics and plots are kept beside the outputs unless they lie within one, each once, sorted by path", () => {
  const { document } = only(
    "{ run: x, outputs: [out/, out2], metrics: [z.json, out/m.json, out2], plots: [{ path: b.csv }, { name: two, series: { a: a.csv, b: out/p.csv, c: b.csv } }, { path: outer/x.csv }] }",
  );
  expect(document.outputs.map(({ path, kind }) => `${path} ${kind}`)).toEqual([
    "a.csv any",
    "b.csv any",
    "out directory",
    "out2 any",
    "outer/x.csv any",
    "z.json any",
  ]);
  expect(document.metrics).toEqual(["out/m.json", "out2", "z.json"]);
  expect(document.plots).toEqual(["a.csv", "b.csv", "out/p.csv", "outer/x.csv"]);
});

const IMAGE = `a@sha256:${"1".repeat(64)}`;

test.each([
  ["{ system: true }", null, null, false],
  ["{ venv: .venv }", { kind: "venv", lock: null }, null, false],
  ["{ venv: .venv, lock: req.txt }", { kind: "venv", lock: digestOf("req") }, null, true],
  ["{ node: package-lock.json }", { kind: "node", lock: digestOf("node") }, null, true],
  [`{ image: "${IMAGE}" }`, null, `sha256:${"1".repeat(64)}`, true],
])("environment %s", (environment, expected, image, pinned) => {
  const files = { "req.txt": "req", "package-lock.json": "node" };
  const text = `version: 1\nsteps:\n  s: { run: x, environment: ${environment}, executor: ${image === null ? "process" : "container"} }\n`;
  const order = ordered(text, files);
  expect(stepOf(order, "s").document).toMatchObject({ environment: expected, image });
  expect(order.pinned).toBe(pinned);
  expect(parsed(text).steps.map((step) => isPinned(step.environment))).toEqual([pinned]);
});

test("a pipeline is pinned when all its steps are", () => {
  const text = (other: string): string =>
    `version: 1\nsteps:\n  a: { run: x, environment: { venv: .v, lock: r.txt } }\n  b: { run: x, environment: ${other} }\n`;
  expect(ordered(text("{ venv: .v, lock: r.txt }"), { "r.txt": "1" }).pinned).toBe(true);
  expect(ordered(text("{ system: true }"), { "r.txt": "1" }).pinned).toBe(false);
});

test("platform and accelerator are those of the step's pool, else those of all, and a fork's pool goes before both", () => {
  const pools = {
    gpu: { platform: "linux-x64", accelerator: "cuda" },
    forks: { platform: "linux-arm64", accelerator: null },
  };
  const of = (pool: string | undefined, options: Partial<WorkOrderOptions>): unknown => {
    const { document } = only(`{ run: x${pool === undefined ? "" : `, resources: { pool: ${pool} }`} }`, {
      ...LINUX,
      ...options,
    });
    return [document.platform, document.accelerator];
  };
  expect(of("gpu", { pools })).toEqual(["linux-x64", "cuda"]);
  expect(of(undefined, { pools })).toEqual(["linux-x64", null]);
  expect(of("other", { pools, platform: "p" })).toEqual(["p", null]);
  expect(of("constructor", { pools })).toEqual(["linux-x64", null]);
  expect(of("gpu", {})).toEqual(["linux-x64", null]);
  expect(of("gpu", { pools, pool: "forks" })).toEqual(["linux-arm64", null]);
  expect(of("gpu", { pools, pool: null })).toEqual(["linux-x64", "cuda"]);
});

test("files, executables, links and directories enter by what they are, datasets by their digest", () => {
  const facts: Readonly<Record<string, FileFact>> = {
    "a.txt": { digest: digestOf("a"), executable: false, size: 1 },
    "run.sh": { digest: digestOf("run"), executable: true, size: 2 },
    "to.txt": { digest: digestOf("to"), executable: false, size: 3, link: "a.txt" },
    "lib/one.py": { digest: digestOf("one"), executable: true, size: 4 },
    "lib/sub/two.py": { digest: digestOf("two"), executable: false, size: 5, link: "../one.py" },
  };
  const kind = (path: string) =>
    facts[path]?.link !== undefined ? "link" : facts[path]?.executable === true ? "executable" : "file";
  const tree = treeOf(
    Object.keys(facts)
      .sort()
      .map((path) => ({
        path,
        kind: kind(path),
        tracked: true,
        ...(facts[path]?.link !== undefined && { target: facts[path].link }),
      })),
  );
  const data: DatasetState = {
    kind: "ready",
    path: "data",
    digest: digestOf("data"),
    size: 1,
    tracked: false,
    uri: null,
  };
  const pipeline = parsed(`version: 1
datasets: { raw: { path: data } }
steps:
  s: { run: x, inputs: [run.sh, a.txt, to.txt, lib, "dataset:raw"] }
`);
  const order = workOrder(
    resolvePipeline({ pipeline, tree, params: {}, datasets: new Map([["raw", data]]) }),
    (path) => facts[path],
    LINUX,
  );
  const step = stepOf(order, "s");
  const directory = directoryDigest([
    { path: "one.py", x: true, digest: digestOf("one"), size: 4 },
    { path: "sub/two.py", link: "../one.py" },
  ]);
  expect(step.document.inputs).toEqual([
    { path: "a.txt", kind: "file", digest: digestOf("a") },
    { path: "data", kind: "dataset", digest: digestOf("data") },
    { path: "lib", kind: "directory", digest: directory },
    { path: "run.sh", kind: "executable", digest: digestOf("run") },
    { path: "to.txt", kind: "link", digest: digestOf("to") },
  ]);
  expect(step.inputs.flatMap((input) => (input.kind === "source" ? input.files : [])).toSorted()).toEqual(
    Object.keys(facts).toSorted(),
  );
  expect(step.inputs.find((input) => input.kind === "dataset")).toMatchObject({ name: "raw" });
});

test("an upstream output is named by what makes it: its path, and the key of its step and not that one's name", () => {
  const text = (name: string, run: string): string => `version: 1
steps:
  ${name}: { run: ${run}, outputs: [out/] }
  s: { run: y, inputs: [out/part.csv] }
`;
  const [order, renamed, other] = [ordered(text("a", "x")), ordered(text("b", "x")), ordered(text("a", "z"))];
  expect(stepOf(order, "s").document.inputs).toEqual([
    { path: "out/part.csv", kind: "output", digest: `step:${stepOf(order, "a").symbol}:out` },
  ]);
  expect(stepOf(renamed, "s").symbol).toBe(stepOf(order, "s").symbol);
  expect(stepOf(other, "s").symbol).not.toBe(stepOf(order, "s").symbol);
  expect([renamed.digest, renamed.digest === other.digest]).toEqual([order.digest, false]);
});

test("an order names its pipeline, and holds its metrics and parameters as they were read", () => {
  const text = `version: 1
name: sums
params: { a: 1, b: { c: 2 } }
steps:
  s: { run: x, metrics: [m.json] }
metrics: { accuracy: { step: s, goal: higher } }
`;
  const order = ordered(text);
  expect(order.pipeline).toEqual({ id: "sums", name: "sums", path: "pipelines/p.yaml" });
  expect(order.params).toEqual({ a: 1, b: { c: 2 } });
  expect(order.metrics).toEqual(parsed(text).metrics);
});

test("no order is made of files of which nobody knows the bytes", () => {
  const resolution = resolved("version: 1\nsteps:\n  s: { run: x, inputs: [a.txt] }\n", { "a.txt": "1" });
  expect(() => workOrder(resolution, () => undefined, LINUX)).toThrow("making the work order: no digest of a.txt");
});
