import { execFileSync } from "node:child_process";

import fc from "fast-check";
import { expect, test } from "vitest";

import { fillArgument, fillShell, quotedPlaceholder } from "../../src/expression/template.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";
import { readParameters } from "../../src/pipeline/read-parameters.ts";

const WORDS = [
  "version: 1",
  "steps:",
  "  a:",
  "    run: x",
  "inputs: [",
  "]",
  "{",
  "}",
  "&a",
  "*a",
  "- ",
  "\t",
  "? ",
  ": ",
  "|",
  ">",
  "---",
  "#",
  "'",
  '"',
  "<<: *a",
  "\n",
  " ",
];

test("no parser throws, whatever the bytes are", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => new TextEncoder().encode(words.join("\n"))),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      const source = { path: "p.yaml", bytes: input };
      for (const parse of [parsePipeline, parseSettings, readParameters]) {
        const { value, problems } = parse(source);
        expect(value !== null || problems.length > 0).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test("whatever a parameter holds, the shell reads it as one word", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
      (value) => {
        const script = fillShell("printf %s ${{ params.x }}", { x: value });
        expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(value);
      },
    ),
    { numRuns: 60 },
  );
});

test("an argument gets the value raw, and text without placeholders stays as it is", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string().filter((text) => !text.includes("${{")),
      (value, plain) => {
        expect(fillArgument("--x=${{ params.x }}", { x: value })).toBe(`--x=${value}`);
        expect(fillArgument(plain, { x: value })).toBe(plain);
      },
    ),
  );
});

test.each([
  ["echo ${{ params.x }}", false],
  ["echo 'a' ${{ params.x }} \"b\"", false],
  ["echo --x=${{ params.x }}", false],
  ['echo \\" ${{ params.x }}', false],
  ['echo "${{ params.x }}"', true],
  ["echo '${{ params.x }}'", true],
  ["echo `ls ${{ params.x }}`", true],
  ['echo "a" "b ${{ params.x }} c"', true],
])("a placeholder inside quotes is found, for its value is quoted already: %s", (script, found) => {
  expect(quotedPlaceholder(script) !== undefined).toBe(found);
});
