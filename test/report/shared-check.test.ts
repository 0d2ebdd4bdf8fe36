import { expect, test } from "vitest";

import { sharedCheck } from "../../src/report/shared-check.ts";

const other = (conclusion: string | null, number = 7) => ({
  number,
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

test("a check that nobody shares stays as it is", () => {
  const check = { conclusion: "success", title: "mine", summary: "Mine\n" };
  expect(sharedCheck(check, [])).toBe(check);
});
