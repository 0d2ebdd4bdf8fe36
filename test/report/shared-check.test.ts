import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { namesDigest, sharedCheck, sharedIds } from "../../src/report/shared-check.ts";

const other = (conclusion: string | null, counts = true) => ({
  number: 7,
  counts,
  base: "release",
  conclusion,
  title: "2 *problems*",
});

test.each([
  ["success", "failure", "failure"],
  ["success", null, null],
  [null, "failure", "failure"],
  ["failure", "success", "failure"],
  ["cancelled", null, null],
  ["skipped", "success", "skipped"],
])("a shared check that is %s here and %s there is %s", (own, there, conclusion) => {
  const check = sharedCheck<string | null>({ conclusion: own, title: "mine", summary: "Mine\n" }, [other(there)]);
  expect(check.conclusion).toBe(conclusion);
  expect(check.title).toBe(conclusion === own ? "mine" : "#7: 2 *problems*");
  expect(check.summary).toBe("Mine\n\n#7, of the same head, onto `release`: 2 \\*problems\\*\n");
});

test("what does not count is listed, and neither stops nor holds up anything", () => {
  const own = { conclusion: "success", title: "mine", summary: "Mine\n" };
  for (const there of ["failure", null]) {
    const check = sharedCheck<string | null>(own, [other(there, false)]);
    expect(check).toMatchObject({ conclusion: "success", title: "mine" });
    expect(check.summary).toContain("#7, of the same head, onto `release`");
  }
});

test("a check that nobody shares stays as it is", () => {
  const check = { conclusion: "success", title: "mine", summary: "Mine\n" };
  expect(sharedCheck(check, [])).toBe(check);
});

test("a check names the digests of all of ten that share it, in what the forge keeps of it", () => {
  const digests = Array.from({ length: 10 }, (_, at) => digestOf(`${at}`));
  const ids = sharedIds(digests);
  expect(ids.length).toBeLessThanOrEqual(200);
  for (const digest of digests) expect(namesDigest(ids, digest)).toBe(true);
  expect(namesDigest(ids, digestOf("another"))).toBe(false);
  const [one = digestOf(""), two = one] = digests;
  expect(sharedIds([one, one])).toBe(one);
  // As checks named them that were written before.
  expect(namesDigest(`${two},${one}`, one)).toBe(true);
});
