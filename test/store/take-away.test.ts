import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { moveAside, removeMoved, takeAway } from "../../src/store/take-away.ts";

function place(): { readonly root: string; readonly path: string } {
  const root = mkdtempSync(join(tmpdir(), "sluice-take-away-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const path = join(root, "object");
  writeFileSync(path, "bytes");
  return { root, path };
}

test.each([
  ["to which no link can be made", (path: string) => mkdirSync(path)],
  ["that cannot be opened", (path: string) => symlinkSync("nowhere", path)],
  ["that somebody made young", (path: string) => (writeFileSync(path, "bytes"), utimesSync(path, 1, 1))],
])("what stands there since, %s, is put back", (_, put) => {
  const { root, path } = place();
  const unused = (): boolean => {
    rmSync(path);
    put(path);
    return true;
  };
  expect(takeAway(path, unused)).toBe(false);
  expect(readdirSync(root)).toEqual(["object"]);
});

test("what is used by the time it is out of the way is put back", () => {
  const { root, path } = place();
  let asked = 0;
  expect(takeAway(path, () => asked++ === 0)).toBe(false);
  expect(readdirSync(root)).toEqual(["object"]);
});

test("what somebody made young who still knew its name is put back", () => {
  const { root, path } = place();
  const moved = moveAside(path, () => true);
  if (moved === undefined) throw new Error("nobody uses it");
  expect(readdirSync(root)).not.toContain("object");
  utimesSync(moved.aside, 1, 1);
  expect(removeMoved(moved)).toBe(false);
  expect(readdirSync(root)).toEqual(["object"]);
});

test("what cannot be moved stays, and one that is not there ends nothing", () => {
  const { root, path } = place();
  rmSync(path);
  expect(takeAway(path, () => true)).toBe(false);
  // Its name is as long as the system takes: none beside it is.
  writeFileSync(join(root, "a".repeat(255)), "");
  expect(takeAway(join(root, "a".repeat(255)), () => true)).toBe(false);
  expect(readdirSync(root)).toEqual(["a".repeat(255)]);
});
