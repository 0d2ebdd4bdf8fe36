import fc from "fast-check";
import picomatch from "picomatch";
import { expect, test } from "vitest";

import { baseOf, globOf, globsOf, restsOf } from "../../src/pipeline/glob.ts";

const STAR = ["*", "**"] as const;

/** Parts of a glob, without three stars in a row, which no page describes. */
const part = fc
  .array(fc.constantFrom("a", "b", ".", "*", "?", "ab"), { minLength: 1, maxLength: 4 })
  .map((pieces) => pieces.join("").replaceAll(/\*+/g, "*"))
  .filter((text) => text !== "." && text !== "..");
const glob = fc
  .array(fc.oneof(part, fc.constantFrom(...STAR)), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("/"));
const name = fc
  .array(fc.constantFrom("a", "b", ".", "ab"), { minLength: 1, maxLength: 3 })
  .map((pieces) => pieces.join(""))
  .filter((text) => text !== "." && text !== "..");
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));

test.each([false, true])("a glob takes what the program takes that everybody knows (dot: %s)", (dot) => {
  fc.assert(
    fc.property(glob, path, (text, at) => {
      expect(globOf(text, { dot })(at)).toBe(picomatch(text, { dot })(at));
    }),
    { numRuns: 3_000 },
  );
});

test("every other character is itself", () => {
  for (const text of ["data (1).csv", "a+b", "a|b", "[x]", "{a,b}", "^a$", "a\\b", "@(a)", "!a"]) {
    expect(globOf(text)(text)).toBe(true);
    expect(globOf(`d/*/${text}`)(`d/x/${text}`)).toBe(true);
  }
  expect(globOf("(a+)+*$")("aaaa$")).toBe(false);
  expect(globOf("a.c")("abc")).toBe(false);
});

test("a directory below a glob is what it names before its first wildcard, and all that it takes lies there", () => {
  expect([baseOf("a/b/*.csv"), baseOf("*/a"), baseOf("a/b"), baseOf("**")]).toEqual(["a/b", "", "a/b", ""]);
  fc.assert(
    fc.property(glob, path, (text, at) => {
      const base = baseOf(text);
      if (globOf(text)(at)) expect(base === "" || at === base || at.startsWith(`${base}/`)).toBe(true);
    }),
  );
});

test("what is left of a glob in a directory takes there what the whole takes", () => {
  fc.assert(
    fc.property(glob, path, path, (text, directory, below) => {
      const rests = restsOf(text, directory);
      const whole = globOf(text)(`${directory}/${below}`);
      // `**` goes over directories that begin with a dot only where outputs stand in them.
      const rested = rests.some((rest) => globOf(rest)(below)) && (whole || !/(^|\/)\./.test(directory));
      expect(rested).toBe(whole);
    }),
    { numRuns: 2_000 },
  );
});

test("a leading `!` takes away, from everything where nothing else is chosen", () => {
  const takes = (globs: readonly string[]) => ["main", "x/1", ".y/2"].filter(globsOf(globs, { dot: true }));
  expect(takes(["x/*", "main"])).toEqual(["main", "x/1"]);
  expect(takes(["!x/*"])).toEqual(["main", ".y/2"]);
  expect(takes(["**", "!main"])).toEqual(["x/1", ".y/2"]);
});

test("what is made to take for ever is looked at as often as its length allows", () => {
  // Any of these took other programs seconds, and with some characters more the age of the universe.
  const stars = `${"*a".repeat(200)}c`;
  expect(globOf(stars)(`${"a".repeat(4_000)}b`)).toBe(false);
  const deep = Array.from({ length: 200 }, () => "a").join("/");
  expect(globOf(`${"**/".repeat(200)}x*`)(deep)).toBe(false);
  expect(restsOf(`${"**/".repeat(200)}x*`, deep)).toHaveLength(200);
  expect(globOf(`${"**/a/".repeat(100)}x`)(deep)).toBe(false);
});
