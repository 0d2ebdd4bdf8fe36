import { expect, test } from "vitest";

import { readProject, type ParseAside } from "../../src/controller/read-project.ts";
import type { View } from "../../src/git/view.ts";
import type { Json } from "../../src/identity/canonical-json.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import type { ParsedCache } from "../../src/store/parsed-cache.ts";

const pipeline = (step: string): Uint8Array =>
  new TextEncoder().encode(`version: 1\nsteps:\n  ${step}: { run: date > out, outputs: [out] }\n`);

/** Two pipeline files, one of which is saved anew after it was read for the first time. */
function savedMeanwhile(): View {
  const reads = new Map<string, number>();
  return {
    kind: "work-tree",
    commit: null,
    files: async () =>
      ["a", "b"].map((name) => ({ path: `pipelines/${name}.yaml`, kind: "file" as const, tracked: true })),
    read: async (path) => {
      if (!path.startsWith("pipelines/")) return undefined;
      const before = reads.get(path) ?? 0;
      reads.set(path, before + 1);
      return pipeline(path === "pipelines/a.yaml" ? `read-${before}` : "other");
    },
    facts: async () => new Map(),
    source: async () => undefined,
    link: async () => undefined,
  };
}

test("a file that is saved while others parse what it held is what it holds now, and so is what is remembered of it", async () => {
  const kept: Json[] = [];
  const cache: ParsedCache = { get: () => undefined, set: (_, value) => void kept.push(value), save: () => undefined };
  const parseAside: ParseAside = async (sources) =>
    new Map(sources.map((source) => [source, Promise.resolve(parsePipeline(source))]));

  const project = await readProject({ cache, parseAside }, savedMeanwhile());

  expect(project.pipelines.map((file) => file.pipeline.steps.map(({ name }) => name))).toEqual([["read-1"], ["other"]]);
  expect(JSON.stringify(kept)).not.toContain("read-0");
});

const QUIET: ParsedCache = { get: () => undefined, set: () => undefined, save: () => undefined };

/** What is wrong with a project of these files, by place and code. */
async function wrong(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { problems } = await readProject(
    { cache: QUIET },
    {
      ...savedMeanwhile(),
      files: async () => Object.keys(files).map((path) => ({ path, kind: "file" as const, tracked: true })),
      read: async (path) => (files[path] === undefined ? undefined : new TextEncoder().encode(files[path])),
    },
  );
  return problems.map(({ at, code }) => `${at.path}:${at.line}:${at.column} ${code}`);
}

test("parameters that cannot be read hide nothing else that is wrong", async () => {
  const files = {
    "pipelines/p.yaml": "version: 1\nparams: params.yaml\nsteps:\n  a: { run: x, inputs: [none], params: [b] }\n",
    "params.yaml": "a: .nan\n",
  };
  expect(await wrong(files)).toEqual(["params.yaml:1:4 number", "pipelines/p.yaml:4:25 missing-input"]);
});

test.each(["[params.yaml, { a: 2 }]", "[{ a: 2 }, params.yaml]"])(
  "a parameter in two sources is refused: %s",
  async (params) => {
    const files = {
      "pipelines/p.yaml": `version: 1\nparams: ${params}\nsteps:\n  a: { run: x, params: [a] }\n`,
      "params.yaml": "a: 1\n",
    };
    expect(await wrong(files)).toEqual([expect.stringMatching(/^pipelines\/p\.yaml:2:\d+ duplicate-parameter$/)]);
  },
);

test("two pipelines that write one path are told of at the later one, once", async () => {
  const two = (name: string): string => `version: 1
name: ${name}
steps:
  make: { run: "date > m.txt; date > n.txt", outputs: [m.txt, n.txt] }
`;
  expect(await wrong({ "pipelines/a.yaml": two("a"), "pipelines/b.yaml": two("b") })).toEqual([
    "pipelines/b.yaml:4:56 shared-output",
  ]);
  expect(await wrong({ "pipelines/a.yaml": two("a") })).toEqual([]);
});

test("one history has one heir, and none while its pipeline is there", async () => {
  const named = (name: string, was: string): string => `version: 1
name: ${name}
was: [${was}]
steps:
  make: { run: "date > ${name}.txt", outputs: [${name}.txt] }
`;
  expect(
    await wrong({
      "pipelines/a.yaml": named("total", "former, sum, total"),
      "pipelines/b.yaml": named("sum", "amount"),
      "pipelines/c.yaml": named("other", "former"),
    }),
  ).toEqual(["pipelines/a.yaml:3:15 shared-history", "pipelines/c.yaml:3:7 shared-history"]);
});

test.each([
  [{ path: "sluice.yaml", kind: "submodule" }, "sluice.yaml: a submodule stands where the settings are looked for"],
  [{ path: "sluice.yaml/a", kind: "file" }, "sluice.yaml: a directory stands where the settings are looked for"],
  [{ path: "pipelines", kind: "submodule" }, "pipelines: a submodule stands where the directory of pipeline files is"],
  [{ path: "pipelines", kind: "link" }, "pipelines: a symbolic link stands where the directory of pipeline files is"],
] as const)("what stands in the place of a file of ours is told: %j", async (file, words) => {
  const files = async () => [{ ...file, tracked: true }];
  const { problems } = await readProject({ cache: QUIET }, { ...savedMeanwhile(), files, read: async () => undefined });
  expect(problems.map(({ at, message }) => `${at.path}: ${message}`)).toEqual([expect.stringContaining(words)]);
});

test.each(["params.yaml", "params.yaml/a"])(
  "parameters in the place of which %s stands are not told to be created",
  async (path) => {
    const files = async () => [
      { path, kind: path === "params.yaml" ? ("submodule" as const) : ("file" as const), tracked: true },
      { path: "pipelines/p.yaml", kind: "file" as const, tracked: true },
    ];
    const text = "version: 1\nparams: params.yaml\nsteps:\n  a: { run: x, params: [b] }\n";
    const read: View["read"] = async (name) =>
      name === "pipelines/p.yaml" ? new TextEncoder().encode(text) : undefined;
    const { problems } = await readProject({ cache: QUIET }, { ...savedMeanwhile(), files, read });
    expect(problems).toMatchObject([
      { code: "missing-parameters", message: expect.stringMatching(/is a (submodule|directory), and no file/) },
    ]);
  },
);

test.each(["file", "link"] as const)("a %s with the other ending of YAML is told, and is no pipeline", async (kind) => {
  const files = async () =>
    ["pipelines/slow.yml", "pipelines/notes.txt", "data/rows.yml"].map((path) => ({ path, kind, tracked: true }));
  const { problems, pipelines } = await readProject({ cache: QUIET }, { ...savedMeanwhile(), files });

  expect(pipelines).toEqual([]);
  expect(problems).toMatchObject([
    {
      code: "other-ending",
      at: { path: "pipelines/slow.yml" },
      severity: "warning",
      next: expect.stringMatching(/^rename it to pipelines\/slow\.yaml, or /),
    },
  ]);
});

test("a submodule with the name of a pipeline file is told, not passed over", async () => {
  const files = async () => [{ path: "pipelines/train.yaml", kind: "submodule" as const, tracked: true }];
  const { problems, pipelines } = await readProject({ cache: QUIET }, { ...savedMeanwhile(), files });

  expect(pipelines).toEqual([]);
  expect(problems).toMatchObject([{ code: "not-a-file", at: { path: "pipelines/train.yaml" }, severity: "error" }]);
});
