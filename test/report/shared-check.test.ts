import { expect, test } from "vitest";

import { sharedCheck } from "../../src/report/shared-check.ts";

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
