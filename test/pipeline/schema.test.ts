import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";

import { operatorJsonSchema, pipelineJsonSchema, settingsJsonSchema } from "../../src/pipeline/json-schema.ts";
import { parseOperator } from "../../src/pipeline/parse-operator.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
const ajv = new Ajv({ strict: false, allErrors: true });

const languages = [
  { kind: "pipelines", accepts: ajv.compile(pipelineJsonSchema()), parser: parsePipeline },
  { kind: "settings", accepts: ajv.compile(settingsJsonSchema()), parser: parseSettings },
  { kind: "operators", accepts: ajv.compile(operatorJsonSchema()), parser: parseOperator },
] as const;

const cases = languages.flatMap(({ kind, accepts, parser }) =>
  (["valid", "invalid"] as const).flatMap((verdict) =>
    readdirSync(join(FIXTURES, kind, verdict)).map((file) => ({ kind, verdict, file, accepts, parser })),
  ),
);

test.each(cases)("$kind/$verdict/$file: an editor's schema and the parser agree", (one) => {
  const text = readFileSync(join(FIXTURES, one.kind, one.verdict, one.file), "utf8");
  const { value, problems } = one.parser({ path: one.file, bytes: new TextEncoder().encode(text) });

  expect(one.accepts(parse(text))).toBe(one.verdict === "valid");
  expect(problems.length === 0).toBe(one.verdict === "valid");
  expect(value !== null).toBe(one.verdict === "valid");
});

/** Names of the properties, at any depth, that say nothing about themselves. */
function silent(schema: unknown, name: string): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, member]: [string, unknown]): readonly string[] => {
    if (key !== "properties" || typeof member !== "object" || member === null) return silent(member, name);
    return Object.entries(member).flatMap(([property, value]: [string, unknown]) => {
      const own = `${name}.${property}`;
      const said = typeof value === "object" && value !== null && "description" in value;
      return [...(said ? [] : [own]), ...silent(value, own)];
    });
  });
}

test.each([
  ["pipeline", pipelineJsonSchema()],
  ["settings", settingsJsonSchema()],
  ["operator", operatorJsonSchema()],
])("every key of the %s schema says what it means", (name, schema) => {
  expect(silent({ properties: { p: { properties: { q: {} } } } }, "x")).toEqual(["x.p", "x.p.q"]);
  expect(silent(schema, name)).toEqual([]);
});
