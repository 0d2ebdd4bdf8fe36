import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf, linkDigest } from "../../src/identity/identity.ts";
import { directoryDigest, type ListingEntry } from "../../src/key/key-document.ts";
import { partOfListing, selectionOf } from "../../src/key/listing-part.ts";

function file(path: string, bytes: string): ListingEntry {
  return { path, x: false, digest: digestOf(bytes), size: bytes.length };
}

const LISTING: readonly ListingEntry[] = [
  file(".hidden", "0"),
  file("a", "1"),
  { path: "bin", x: true, digest: digestOf("2"), size: 1 },
  { path: "link", link: "a" },
  file("sub/b", "3"),
  file("sub/deep/b", "4"),
];

test("a part is a file, an executable, a link, a directory or nothing", () => {
  expect(partOfListing(LISTING, "a")).toEqual({ kind: "file", digest: digestOf("1") });
  expect(partOfListing(LISTING, "bin")).toEqual({ kind: "executable", digest: digestOf("2") });
  expect(partOfListing(LISTING, "link")).toEqual({ kind: "link", digest: linkDigest("a") });
  expect(partOfListing(LISTING, "sub")).toEqual({
    kind: "directory",
    digest: directoryDigest([file("b", "3"), file("deep/b", "4")]),
  });
  expect(partOfListing(LISTING, "su")).toBeUndefined();
  expect(partOfListing(LISTING, "b")).toBeUndefined();
});

test.each([
  ["*", ["a", "bin", "link"]],
  ["?", ["a"]],
  ["*/b", ["sub/b"]],
  ["**/b", ["sub/b", "sub/deep/b"]],
  ["sub/**", ["sub/b", "sub/deep/b"]],
  [".h*", [".hidden"]],
])("what %s selects in a directory is a directory", (glob, paths) => {
  expect(LISTING.map((entry) => entry.path).filter(selectionOf(glob))).toEqual(paths);
  expect(partOfListing(LISTING, glob)).toEqual({
    kind: "directory",
    digest: directoryDigest(LISTING.filter((entry) => paths.includes(entry.path))),
  });
});

test("a glob that selects nothing in a directory is nothing", () => {
  expect(partOfListing(LISTING, "*.csv")).toBeUndefined();
});

test("a path means itself and all below it, and so does its part", () => {
  const names = fc.array(fc.constantFrom("a", "ab", "b"), { minLength: 1, maxLength: 3 });
  const path = names.map((all) => all.join("/"));
  fc.assert(
    fc.property(path, path, (inside, other) => {
      const below = other === inside || other.startsWith(`${inside}/`);
      expect(selectionOf(inside)(other)).toBe(below);
      expect(partOfListing([file(other, "1")], inside) !== undefined).toBe(below);
    }),
  );
});

test("a directory is its paths, executable bits, digests and links, whatever sizes are noted", () => {
  const digest = digestOf("1");
  const listed = (size: number): readonly ListingEntry[] => [
    { path: "a", x: true, digest, size },
    { path: "l", link: "a" },
  ];

  expect(directoryDigest(listed(1))).toBe(
    digestOf(`[{"digest":"${digest}","path":"a","x":true},{"link":"a","path":"l"}]`),
  );
  expect(directoryDigest(listed(2))).toBe(directoryDigest(listed(1)));
});
