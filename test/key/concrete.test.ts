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

test("a step that reads no output has its key from the start", () => {
  const [make] = ordered("version: 1\nsteps:\n  make: { run: m, inputs: [a], outputs: [out/] }\n", { a: "1" }).steps;
  if (make === undefined) throw new Error("a step was written");

  expect(concreteDocument(make.document, make.inputs, { result: () => undefined, part: () => undefined })).toBe(
    make.document,
  );
});

test("inputs are in the key by path in UTF-8 bytes, each output as the step that made it left it", () => {
  const order = ordered(
    "version: 1\nsteps:\n  make: { run: m, outputs: [b, bin, d] }\n" +
      "  read: { run: r, inputs: [a, b, bin, c, d/x, d/none], outputs: [o] }\n",
    { a: "1", c: "3" },
  );
  const [make, read] = order.steps;
  if (make === undefined || read === undefined) throw new Error("two steps were written");
  const directory = directoryDigest([file("x", "4")]);
  const result = resultOf(keyOf(make.document), [
    { path: "b", kind: "file", digest: digestOf("2") },
    { path: "bin", kind: "executable", digest: digestOf("bin") },
    { path: "d", kind: "directory", digest: directory },
  ]);

  const document = concreteDocument(read.document, read.inputs, {
    result: (step) => (step === "make" ? result : undefined),
    part: (digest, path) => (digest === directory ? partOfListing([file("x", "4")], path) : undefined),
  });

  expect(document?.inputs).toEqual([
    { path: "a", kind: "file", digest: digestOf("1") },
    { path: "b", kind: "file", digest: digestOf("2") },
    { path: "bin", kind: "executable", digest: digestOf("bin") },
    { path: "c", kind: "file", digest: digestOf("3") },
    { path: "d/none", kind: "output", digest: "absent" },
    { path: "d/x", kind: "file", digest: digestOf("4") },
  ]);
});

test("what a step did not leave is absent in the key, whatever lies beside it under a longer name", () => {
  const [make, read] = ordered(TEXT).steps;
  if (make === undefined || read === undefined) throw new Error("two steps were written");
  const part = () => ({ kind: "file", digest: digestOf("1") }) as const;

  for (const outputs of [[], [{ path: "ou", kind: "directory", digest: directoryDigest([]) } as const]]) {
    const result = resultOf(keyOf(make.document), outputs);
    expect(concreteDocument(read.document, read.inputs, { result: () => result, part })?.inputs).toEqual([
      { path: "out/sub", kind: "output", digest: "absent" },
    ]);
  }
});
