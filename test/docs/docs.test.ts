import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { languageReference } from "../../scripts/language-reference.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("the language reference is the one that the schemas give", () => {
  expect(read("docs/language.md")).toBe(languageReference());
});

test("the pipeline in README is a pipeline", () => {
  const [, yaml] = /## A pipeline[^]*?```yaml\n([^]*?)```/.exec(read("README.md")) ?? [];

  const { problems } = parsePipeline({ path: "pipelines/digits.yaml", bytes: new TextEncoder().encode(yaml) });

  expect(problems).toEqual([]);
});

test("every document that README links to is there", () => {
  const links = [...read("README.md").matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? "");
  expect(links.length).toBeGreaterThan(5);
  for (const link of links.filter((one) => /\.(md|json)$/.test(one))) expect(read(link).length).toBeGreaterThan(0);
});
