import { expect, test } from "vitest";

import { renderProblem, renderProblems } from "../../src/problem/frame.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { closest } from "../../src/problem/suggest.ts";

const problem = (line: number, message = "unknown key `stps`"): Problem => ({
  severity: "error",
  code: "unknown-key",
  at: { path: "p.yaml", line, column: 1, end: { line, column: 5 } },
  message,
  next: "did you mean `steps`?",
});

test("place, message, frame and next action", () => {
  expect(renderProblem(problem(2), "version: 1\nstps:\n  a: { run: x }\n", { color: false })).toBe(
    [
      "p.yaml:2:1: error: unknown key `stps`",
      "    1 | version: 1",
      "  > 2 | stps:",
      "      | ^^^^",
      "    3 |   a: { run: x }",
      "  next: did you mean `steps`?",
      "",
    ].join("\n"),
  );
});

test("nothing in a file can steer the terminal that shows it", () => {
  const shown = renderProblem(problem(1, "bad \u001b[2J key"), "a: \u001b]0;x\u0007 \u202e b\r\n", { color: false });
  // oxlint-disable-next-line no-control-regex -- these are the characters looked for
  expect(shown).not.toMatch(/[\u0007\u001b\u202e\r]/);
});

test("a hundred problems a file, then how many more; files by path, problems by place", () => {
  const shown = renderProblems(
    Array.from({ length: 102 }, (_, at) => problem(102 - at)),
    new Map(),
    { color: false },
  );
  expect(shown.startsWith("p.yaml:1:1:")).toBe(true);
  expect(shown.match(/error:/g)).toHaveLength(100);
  expect(shown).toContain("p.yaml: 2 more problems");
});

test.each([
  ["inptus", "inputs"],
  ["imag", "image"],
  ["Steps", "steps"],
  ["zebra", undefined],
  ["x".repeat(1_000_000), undefined],
])("closest to %.10s", (word, expected) => {
  expect(closest(word, ["steps", "inputs", "image", "outputs"])).toBe(expected);
});
