import { expect, test } from "vitest";

import { missingColumn, textNumbers } from "../../src/diff/remarks.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ["m.json", '{"a": "0.9"}', ['`a` is text in `m.json` and no number: "0.9"']],
  [
    "m.json",
    '{"a": {"b": " -1e-3 "}, "model": "resnet", "n": 1}',
    ['`a.b` is text in `m.json` and no number: "-1e-3"'],
  ],
  ["m.yaml", "a: '0.9'\nb: NaN\nversion: 1.2.3\n", ['`a` is text in `m.yaml` and no number: "0.9"']],
  ["m.json", '["1", "2"]', []],
  ["m.json", '{"a": "NaN", "b": "2024-01-01", "c": ""}', []],
  ["m.json", "nonsense", []],
])("of numbers that %s gives as text: %s", async (path, text, said) => {
  expect(await textNumbers(path, bytes(text))).toEqual(said);
});

test("a plot's column that the table does not have is named, with what was meant or what is there", () => {
  const table = { kind: "table", columns: ["step", "loss"], rows: [], total: 0 } as const;

  expect(missingColumn({ x: "step", y: "loss" }, "p.csv", table)).toBeUndefined();
  expect(missingColumn({ x: null, y: null }, "p.csv", table)).toBeUndefined();
  expect(missingColumn({ x: "step", y: "los" }, "p.csv", table)).toBe(
    "its plot `p.csv` has no column `los` (did you mean loss?)",
  );
  expect(missingColumn({ x: "epoch_number", y: "loss" }, "p.csv", table)).toBe(
    "its plot `p.csv` has no column `epoch_number` (it has step, loss)",
  );
  expect(missingColumn({ x: null, y: "a" }, "p.json", { ...table, columns: [] })).toBeUndefined();
  expect(missingColumn({ x: null, y: "a" }, "p.png", { kind: "image", mediaType: "image/png" })).toBeUndefined();
});
