import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import { expect, test } from "vitest";
import { isMap, isScalar, isSeq, parseDocument, type Node, type Pair } from "yaml";

import { plainYaml } from "../../src/pipeline/plain-yaml.ts";

/** What a node says and where: all that anybody asks it for. */
function said(node: unknown): unknown {
  if (isMap(node))
    return { map: node.items.map((pair: Pair) => [said(pair.key), said(pair.value)]), at: node.range, flow: node.flow };
  if (isSeq(node)) return { list: node.items.map(said), at: node.range, flow: node.flow };
  if (isScalar(node)) return { value: node.value, source: node.source, type: node.type, at: node.range };
  return String(node);
}

/** The library's nodes; undefined where it has something to say. */
function read(text: string): Node | null | undefined {
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: "error" });
  return document.errors.length + document.warnings.length === 0 ? document.contents : undefined;
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

test("what is read without the library is what the library reads", () => {
  const built = fc.array(bit, { maxLength: 12 }).map((bits) => bits.join(""));
  const texts = fc.sample(fc.oneof(cut, built), 4_000);
  const plain = texts.filter((text) => plainYaml(text) !== undefined);
  expect(plain.length).toBeGreaterThan(200);
  for (const text of plain) expect(said(plainYaml(text)), text).toEqual(said(read(text)));
});

test("most pipelines are read without it", () => {
  const plain = written.filter((text) => plainYaml(text) !== undefined);
  expect(plain.length).toBeGreaterThan(written.length / 2);
  for (const text of plain) expect(said(plainYaml(text))).toEqual(said(read(text)));
});
