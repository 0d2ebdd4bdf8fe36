import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { languageReference } from "../../scripts/language-reference.ts";
import { OPERATOR_KEYS } from "../../src/pipeline/operator-schema.ts";
import { parseOperator } from "../../src/pipeline/parse-operator.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";
import { readParameters } from "../../src/pipeline/read-parameters.ts";
import { resolvePipeline } from "../../src/pipeline/resolve.ts";
import { treeOf } from "../../src/pipeline/tree.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("the language reference is the one that the schemas give", () => {
  expect(read("docs/language.md")).toBe(languageReference());
});

test("the pipeline in README has the steps of the example, which run in its place", () => {
  const [, yaml = ""] = /## A pipeline[^]*?```yaml\n([^]*?)```/.exec(read("README.md")) ?? [];
  const directory = "examples/digits";
  const files = readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" }).sort();
  const tree = treeOf(files.map((path) => ({ path, kind: "file" as const, tracked: true })));
  const bytes = (path: string): Uint8Array => readFileSync(join(ROOT, directory, path));
  const params = readParameters({ path: "params.yaml", bytes: bytes("params.yaml") }).value ?? {};
  const datasets = new Map([["raw", { kind: "git" as const, path: "data/digits.csv" }]]);
  const steps = (text: Uint8Array): readonly unknown[] => {
    const { value, problems } = parsePipeline({ path: "pipelines/digits.yaml", bytes: text });
    if (value === null) throw new Error(JSON.stringify(problems));
    const resolution = resolvePipeline({ pipeline: value, tree, params, datasets });
    expect(resolution.problems).toEqual([]);
    return resolution.steps
      .filter(({ step }) => step.name !== "evaluate")
      .map(({ step, inputs }) => [
        step.name,
        JSON.stringify(step.command, (key, value: unknown) => (key === "at" ? undefined : value)),
        inputs,
        step.params.map(({ name }) => name),
        step.outputs.map(({ path, type }) => [path, type]),
      ]);
  };

  const written = steps(new TextEncoder().encode(yaml));

  expect(written).toHaveLength(2);
  expect(written).toEqual(steps(bytes("pipelines/digits.yaml")));
});

test("every document that README links to is there", () => {
  const links = [...read("README.md").matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? "");
  expect(links.length).toBeGreaterThan(5);
  for (const link of links.filter((one) => /\.(md|json)$/.test(one))) expect(read(link).length).toBeGreaterThan(0);
});

const PAGES = ["README.md", "CONTRIBUTING.md", ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((page) => `docs/${page}`)]
  .filter((page) => page.endsWith(".md"))
  .sort();

const examples = PAGES.flatMap((page) =>
  [...read(page).matchAll(/```ya?ml\n([^]*?)```/g)].map((match) => ({ page, yaml: match[1] ?? "" })),
);

/** A file with `steps:` is a pipeline, one with an operator's key or that says so the operator's, any other with `version:` the settings. */
function parserOf(yaml: string): typeof parsePipeline | typeof parseSettings | typeof parseOperator {
  if (/^steps:/m.test(yaml)) return parsePipeline;
  if (yaml.startsWith("# SLUICE_CONFIG\n")) return parseOperator;
  return [...OPERATOR_KEYS].some((key) => new RegExp(`\\b${key}:`).test(yaml)) ? parseOperator : parseSettings;
}

test.each(examples)("an example of $page is read without a complaint", ({ page, yaml }) => {
  const text = /^version:/m.test(yaml) ? yaml : `version: 1\n${yaml}`;
  expect(parserOf(yaml)({ path: page, bytes: new TextEncoder().encode(text) }).problems).toEqual([]);
});

test("every command that a document names is a command", () => {
  const source = readdirSync(join(ROOT, "src/cli"))
    .map((file) => read(`src/cli/${file}`))
    .join("\n");
  const known = new Set(
    [...source.matchAll(/command\(\s*[a-z]+,\s*"([a-z]+)|\.command\("([a-z]+)|\.alias\("([a-z]+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? ""),
  );
  known.add("complete");
  const named = PAGES.flatMap((page) =>
    [...read(page).matchAll(/(?:^|`|bin\/|npx )sluice ([a-z][a-z-]*)/gm)].map((match) => ({ page, command: match[1] ?? "" })),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(({ command }) => !known.has(command))).toEqual([]);
});
