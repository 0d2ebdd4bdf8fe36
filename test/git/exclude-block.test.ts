import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { addToExclude } from "../../src/git/exclude-block.ts";

let root: string;
const exclude = (): string => readFileSync(join(root, ".git/info/exclude"), "utf8");

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "exclude-"));
  execFileSync("git", ["init", "-q"], { cwd: root });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function ignored(paths: readonly string[]): readonly string[] {
  const output = execFileSync("git", ["check-ignore", "-z", "--stdin", "--no-index"], {
    cwd: root,
    input: paths.map((path) => `${path}\0`).join(""),
    encoding: "utf8",
  });
  return output.split("\0").filter((path) => path !== "");
}

const name = fc
  .string({
    unit: fc.constantFrom("a", "b", "1", ".", "*", "?", "[", "]", "\\", "#", "!", " ", "é"),
    minLength: 1,
    maxLength: 6,
  })
  .filter((text) => !/^\.+$/.test(text) && !/^ | $/.test(text) && text !== ".git");

test("git ignores every declared output, however it is called and however many there are, and adding twice changes nothing", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.constantFrom("", "out/", "out/deep dir/", "we[ird]*/"), name), {
        minLength: 1,
        maxLength: 120,
        selector: ([directory, last]) => directory + last,
      }),
      (entries) => {
        writeFileSync(join(root, ".git/info/exclude"), "# mine\n/kept\n");
        const outputs = entries.map(([directory, last]) => directory + last);
        addToExclude(join(root, ".git"), outputs.slice(0, 60));
        addToExclude(join(root, ".git"), outputs);
        const once = exclude();
        addToExclude(join(root, ".git"), outputs);
        expect(exclude()).toBe(once);
        expect(once.startsWith("# mine\n/kept\n")).toBe(true);
        expect(new Set(ignored(outputs))).toEqual(new Set(outputs));
      },
    ),
    { numRuns: 40 },
  );
});

test("a thousand outputs of one directory take one pattern, which hides nothing of another name", () => {
  rmSync(join(root, ".git/info/exclude"), { force: true });
  const outputs = Array.from({ length: 1_000 }, (_, at) => `out/part-${at}.txt`);
  addToExclude(join(root, ".git"), [...outputs, "model.pkl"]);
  expect(exclude().split("\n").slice(1, -2)).toEqual(["/.sluice/", "/model.pkl", "/out/part-*.txt"]);
  mkdirSync(dirname(join(root, "out/notes.txt")), { recursive: true });
  writeFileSync(join(root, "out/notes.txt"), "mine");
  expect(execFileSync("git", ["status", "--porcelain", "-uall"], { cwd: root, encoding: "utf8" })).toBe(
    "?? out/notes.txt\n",
  );
});
