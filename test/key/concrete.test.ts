import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { concreteDocument } from "../../src/key/concrete.ts";
import { directoryDigest, keyOf, type ListingEntry } from "../../src/key/key-document.ts";
import { partOfListing } from "../../src/key/listing-part.ts";
import { stageUpstream } from "../../src/run/stage-upstream.ts";
import { ordered } from "../builders/pipeline.ts";
import { resultOf } from "../builders/result.ts";

const TEXT =
  "version: 1\nsteps:\n  make: { run: m, outputs: [out/] }\n  read: { run: r, inputs: [out/sub], outputs: [o] }\n";

function file(path: string, bytes: string): ListingEntry {
  return { path, x: false, digest: digestOf(bytes), size: bytes.length };
}

function keyWith(listing: readonly ListingEntry[]): string {
  const order = ordered(TEXT);
  const [make, read] = order.steps;
  if (make === undefined || read === undefined) throw new Error("two steps were written");
  const directory = directoryDigest(listing);
  const result = resultOf(keyOf(make.document), [{ path: "out", kind: "directory", digest: directory }]);
  const document = concreteDocument(read.document, read.inputs, {
    result: () => result,
    part: (_, path) => partOfListing(listing, path),
  });
  if (document === undefined) throw new Error("the result is known");
  return keyOf(document);
}

test("of an upstream directory only the selected part is in the key", () => {
  const before = keyWith([file("a", "1"), file("sub/b", "2")]);

  expect(keyWith([file("a", "other"), file("sub/b", "2")])).toBe(before);
  expect(keyWith([file("a", "1"), file("sub/b", "other")])).not.toBe(before);
  expect(keyWith([file("a", "1"), file("sub/b", "2"), file("sub/c", "3")])).not.toBe(before);
  expect(keyWith([file("a", "1")])).not.toBe(before);
});

test("there is no key while an upstream result is unknown", () => {
  const read = ordered(TEXT).steps[1];
  if (read === undefined) throw new Error("two steps were written");

  expect(
    concreteDocument(read.document, read.inputs, { result: () => undefined, part: () => undefined }),
  ).toBeUndefined();
});

test("there is no key while nobody can say what an upstream directory holds", () => {
  const [make, read] = ordered(TEXT).steps;
  if (make === undefined || read === undefined) throw new Error("two steps were written");
  const result = resultOf(keyOf(make.document), [{ path: "out", kind: "directory", digest: directoryDigest([]) }]);
  const input = read.inputs.find(({ kind }) => kind === "output");
  if (input?.kind !== "output") throw new Error("an output is read");

  const part = () => ({ kind: "unreadable" }) as const;
  expect(concreteDocument(read.document, read.inputs, { result: () => result, part })).toBeUndefined();
  expect(stageUpstream(input, result, () => undefined)).toMatchObject({ kind: "lost" });
  expect(stageUpstream(input, result, () => [])).toEqual([]);
});

test("a part is a file, an executable, a link, a directory or nothing", () => {
  const listing: readonly ListingEntry[] = [
    file("a", "1"),
    { path: "bin", x: true, digest: digestOf("2"), size: 1 },
    { path: "link", link: "a" },
    file("sub/b", "3"),
  ];

  expect(partOfListing(listing, "a")).toEqual({ kind: "file", digest: digestOf("1") });
  expect(partOfListing(listing, "bin")).toEqual({ kind: "executable", digest: digestOf("2") });
  expect(partOfListing(listing, "link")?.kind).toBe("link");
  expect(partOfListing(listing, "sub")).toEqual({ kind: "directory", digest: directoryDigest([file("b", "3")]) });
  expect(partOfListing(listing, "su")).toBeUndefined();
});
