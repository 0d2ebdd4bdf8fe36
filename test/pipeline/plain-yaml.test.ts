import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import { expect, test } from "vitest";
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Pair } from "yaml";

import { plainYaml } from "../../src/pipeline/plain-yaml.ts";
import { countLines } from "../../src/pipeline/read-yaml.ts";

/** What a node says and where: all that anybody asks it for. */
function said(node: unknown): unknown {
  if (isMap(node))
    return { map: node.items.map((pair: Pair) => [said(pair.key), said(pair.value)]), at: node.range, flow: node.flow };
  if (isSeq(node)) return { list: node.items.map(said), at: node.range, flow: node.flow };
  if (isScalar(node)) return { value: node.value, source: node.source, type: node.type, at: node.range };
  return String(node);
}

/** What the library says of a text, and where its lines start; null where it has something to say against it. */
function read(text: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
  });
  if (document.errors.length + document.warnings.length > 0) return null;
  return { said: said(document.contents), lines: lines.lineStarts };
}

/** The same of what is read without it; undefined where it is left to the library. */
function readPlain(text: string): unknown {
  const node = plainYaml(text);
  if (node === undefined) return undefined;
  const lines = new LineCounter();
  countLines(lines, text);
  return { said: said(node), lines: lines.lineStarts };
}

const root = join(import.meta.dirname, "..", "..");
const written = globSync("{examples,test/fixtures,action}/**/*.{yml,yaml}", { cwd: root })
  .map((path) => readFileSync(join(root, path), "utf8"))
  .concat("a: # c\n  b: 1   # d\n\n\nc:\n- 2\n- d: [ -x,  'e f', dataset:g, ]\n  h: {i: \"j\", k: [] } # l\n# m\n");

const BITS =
  " |\n|\n  |\n    |- |-|a|b: |: |:|#| # x|[|]|{|}|, |,|'|\"|1|1.50|0|007|1e3|0x1|-1|.5|.inf|2024-01-01|true|null|~|.|x y|&a|*a|!t|>|?|%|@|`|\\|é|<<: |$|${{ params.x }}|a:b|a#b|\t|---\n|10: |[a, b]|{a: b}|\n# c\n|\n   # c\n|- - |- a: |...|\u00a0|\u2028";
const bit = fc.constantFrom("|", ...BITS.split("|"));
const cut = fc
  .tuple(
    fc.constantFrom(...written),
    fc.nat(),
    fc.integer({ min: 1, max: 12 }),
    fc.array(fc.tuple(fc.nat(), bit), { maxLength: 3 }),
  )
  .map(([text, from, count, changes]) => {
    const lines = text.split("\n");
    const first = from % lines.length;
    let piece = lines.slice(first, first + count).join("\n");
    for (const [at, put] of changes) {
      const place = at % (piece.length + 1);
      piece = `${piece.slice(0, place)}${put}${piece.slice(place + (at % 2))}`;
    }
    return piece;
  });

/** About as long as a key may be. */
const long = fc
  .tuple(
    fc.constantFrom("", "- ", "a: 1\n", "a:\n  ", "{", "a: [", "- - "),
    fc.constantFrom("", "'", '"'),
    fc.integer({ min: 1_018, max: 1_027 }),
    fc.constantFrom("", ": ", ":\n", ": 1", ": 1\nb: 2\n", ": 1}", "]"),
  )
  .map(([before, quote, length, after]) => `${before}${quote}${"k".repeat(length)}${quote}${after}`);

test("what is read without the library is what the library reads", () => {
  const built = fc.array(bit, { maxLength: 12 }).map((bits) => bits.join(""));
  fc.assert(
    fc.property(fc.oneof({ weight: 5, arbitrary: cut }, { weight: 5, arbitrary: built }, long), (text) => {
      const plain = readPlain(text);
      expect(plain).toEqual(plain === undefined ? undefined : read(text));
    }),
    { numRuns: 4_000 },
  );
});

test.each([
  ["a map", "a: 1\nb: two words\n"],
  ["a map without a last line feed", "a: 1"],
  ["a map below a key", "a:\n  b:\n    c: true\nd: ~\n"],
  ["a list below a key, as far to the left as the key", "a:\n- 1\n- b: 2\n  c: 3\nd: 4\n"],
  ["lists and maps in brackets", "a: [b, [c, 1.5], {d: 'e', \"f\": []}, ]\n"],
  ["comments and empty lines", "# one\n\na: 1 # two\n\n# three\n"],
  ["quoted text", "'a b': \"c: #d\"\n"],
  ["a colon and a number sign inside a word", "run: a:b c#d --e=${{ params.f }}\n"],
  ["the longest key", `${"k".repeat(1_024)}: 1\n`],
  ["the longest quoted key in a list", `- "${"k".repeat(1_022)}": 1\n`],
])("%s is read without the library", (_, text) => {
  expect(readPlain(text)).toBeDefined();
  expect(readPlain(text)).toEqual(read(text));
});

test.each([
  ["nothing", ""],
  ["an anchor", "a: &b 1\n"],
  ["a tag", "a: !!str 1\n"],
  ["text over several lines", "a: |\n  b\n"],
  ["folded text", "a: b\n  c\n"],
  ["quoted text over several lines", "a: 'b\n  c'\n"],
  ["an escape", 'a: "\\n"\n'],
  ["a doubled quote", "a: 'it''s'\n"],
  ["brackets over several lines", "a: [b,\n  c]\n"],
  ["a key without a value", "a:\nb: 1\n"],
  ["a number that can be written otherwise", "a: 0x10\n"],
  ["a tab", "a:\t1\n"],
  ["Windows line ends", "a: 1\r\n"],
  ["a second document", "a: 1\n---\nb: 2\n"],
  ["a directive", "%YAML 1.1\n---\na: 1\n"],
  ["a comment deeper than what follows it", "a:\n  b: 1\n    # c\n  d: 2\n"],
  ["a key that is too long", `${"k".repeat(1_025)}: 1\n`],
  ["a quoted key in a list that is too long", `- "${"k".repeat(1_023)}": 1\n`],
])("%s is the library's to read", (_, text) => {
  expect(readPlain(text)).toBeUndefined();
});

test("most pipelines are read without it", () => {
  const plain = written.filter((text) => plainYaml(text) !== undefined);
  expect(plain.length).toBeGreaterThan(written.length / 2);
  for (const text of plain) expect(readPlain(text)).toEqual(read(text));
});
