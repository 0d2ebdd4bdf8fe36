import { expect, test } from "vitest";

import { byUtf8, canonicalJson, type Json } from "../../src/identity/canonical-json.ts";

// Of the samples of RFC 8785, appendix B, those that a key may hold.
test.each([
  [0, "0"],
  [-0, "0"],
  [5e-324, "5e-324"],
  [-5e-324, "-5e-324"],
  [9007199254740991, "9007199254740991"],
  [-9007199254740991, "-9007199254740991"],
  [0.000001, "0.000001"],
  [9.999999999999997e-7, "9.999999999999997e-7"],
  [333333333.3333332, "333333333.3333332"],
  [333333333.33333325, "333333333.33333325"],
])("%d is written as %s", (value, text) => {
  expect(canonicalJson(value)).toBe(text);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, -(2 ** 53), 1e30])(
  "%d is refused by name, wherever it stands",
  (value) => {
    expect(() => canonicalJson(value)).toThrow(String(value));
    expect(() => canonicalJson({ a: [value] })).toThrow(RangeError);
  },
);

test("a member without a value is left out", () => {
  const value = { a: undefined, b: 1, c: undefined } as unknown as Json;

  expect(canonicalJson(value)).toBe('{"b":1}');
});

test("the order by UTF-8 bytes holds at every edge of the surrogates", () => {
  const texts = ["", "a", "aa", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{103ff}", "\u{10400}", "\u{10ffff}"];

  for (const [i, a] of texts.entries())
    for (const [j, b] of texts.entries()) {
      expect(Math.sign(byUtf8(a, b))).toBe(Math.sign(i - j));
      expect(Math.sign(byUtf8(`😀${a}`, `😀${b}`))).toBe(Math.sign(i - j));
    }
});
