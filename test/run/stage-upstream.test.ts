import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { ListingEntry } from "../../src/key/key-document.ts";
import { stageUpstream } from "../../src/run/stage-upstream.ts";
import { resultOf } from "../builders/result.ts";

const DIRECTORY = digestOf("directory");
const RESULT = resultOf(digestOf("key"), [
  { path: "one.csv", kind: "executable", digest: digestOf("one") },
  { path: "out", kind: "directory", digest: DIRECTORY },
]);
const LISTING: readonly ListingEntry[] = [
  { path: "a.csv", x: false, digest: digestOf("a"), size: 1 },
  { path: "sub/b.csv", x: true, digest: digestOf("b"), size: 1 },
  { path: "sub/link", link: "b.csv" },
  { path: "subtle.csv", x: false, digest: digestOf("s"), size: 1 },
];

const staged = (path: string, listing: readonly ListingEntry[] | undefined = LISTING): unknown =>
  stageUpstream({ kind: "output", path, step: "s", output: "out" }, RESULT, (digest) =>
    digest === DIRECTORY ? listing : undefined,
  );

test("a whole output is staged as it is", () => {
  expect(staged("one.csv")).toEqual([{ kind: "store", path: "one.csv", entry: "executable", digest: digestOf("one") }]);
  expect(staged("out")).toEqual([{ kind: "store", path: "out", entry: "directory", digest: DIRECTORY }]);
});

test("of a directory the selected part is staged, file by file at its place", () => {
  expect(staged("out/sub")).toEqual([
    { kind: "store", path: "out/sub/b.csv", entry: "executable", digest: digestOf("b") },
    { kind: "link", path: "out/sub/link", target: "b.csv" },
  ]);
  expect(staged("out/a.csv")).toEqual([{ kind: "store", path: "out/a.csv", entry: "file", digest: digestOf("a") }]);
  expect(staged("out/*.csv")).toMatchObject([{ path: "out/a.csv" }, { path: "out/subtle.csv" }]);
  expect(staged("out/nothing")).toEqual([]);
});

test("what no output holds is not there, and a directory whose listing is gone is lost", () => {
  expect(staged("outside")).toEqual([]);
  expect(stageUpstream({ kind: "output", path: "out", step: "s", output: "out" }, undefined, () => LISTING)).toEqual(
    [],
  );
  const gone = stageUpstream({ kind: "output", path: "out/sub", step: "s", output: "out" }, RESULT, () => undefined);
  expect(gone).toEqual({ kind: "lost", why: "what `out` holds is not there any more" });
});
