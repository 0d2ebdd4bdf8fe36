import fc from "fast-check";
import { expect, test } from "vitest";

import {
  digestFromHex,
  digestOf,
  digestOfJson,
  hexOf,
  isOfFork,
  linkDigest,
  parseBlobId,
  parseCommitSha,
  parseDigest,
  parseRunId,
  runIdFrom,
  ulidOf,
} from "../../src/identity/identity.ts";

/** The number that Crockford's letters (no i, l, o, u) write. */
function numberOf(text: string): bigint {
  return [...text].reduce((sum, letter) => sum * 32n + BigInt("0123456789abcdefghjkmnpqrstvwxyz".indexOf(letter)), 0n);
}

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

function bigOf(all: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(all).toString("hex")}`);
}

test.each([
  ["a commit id", parseCommitSha, "0123456789abcdef0123456789abcdef01234567"],
  ["a blob id", parseBlobId, "89abcdef0123456789abcdef0123456789abcdef"],
  ["a digest", parseDigest, `sha256:${"0123456789abcdef".repeat(4)}`],
  ["a run id", parseRunId, "0123456789abcdefghjkmnpqrs"],
  ["a run id of the last letters", parseRunId, "tvwxyz0000000000000000000z"],
])("%s is read whole, in small letters, and nothing else is", (_, parse, text) => {
  expect(parse(text)).toBe(text);
  for (const wrong of ["", text.slice(1), `${text}0`, `0${text}`, `${text}\n`, ` ${text}`, text.toUpperCase()])
    expect(parse(wrong)).toBeUndefined();
  for (const letter of ["g", "i", "l", "o", "u", "-", "é"])
    if (parse !== parseRunId || letter !== "g") expect(parse(text.slice(0, -1) + letter)).toBeUndefined();
});

test("a digest and its hex characters are one thing in two forms", () => {
  fc.assert(
    fc.property(bytes(8), (content) => {
      const digest = digestOf(content);
      expect(parseDigest(digest)).toBe(digest);
      expect(hexOf(digest)).toMatch(/^[0-9a-f]{64}$/);
      expect(digestFromHex(hexOf(digest))).toBe(digest);
    }),
  );
  expect(digestOf("é😀")).toBe(digestOf(Buffer.from("c3a9f09f9880", "hex")));
});

test("a link's digest is that of where it leads, never that of a file with the same text", () => {
  expect(linkDigest("../data")).toBe(digestOf('{"link":"../data"}'));
  expect(linkDigest("../data")).not.toBe(linkDigest("../date"));
  expect(linkDigest("../data")).not.toBe(digestOf("../data"));
  expect(digestOfJson({ b: 1, a: 2 })).toBe(digestOf('{"a":2,"b":1}'));
});

test("only a fork's domain is a fork's", () => {
  expect(["fork/7", "main", "pr", "local", "forks"].filter(isOfFork)).toEqual(["fork/7"]);
});

test("a run's id is the first 130 bits of its request's digest", () => {
  fc.assert(
    fc.property(bytes(32), (hash) => {
      const id = runIdFrom(digestFromHex(Buffer.from(hash).toString("hex")));
      expect(parseRunId(id)).toBe(id);
      expect(numberOf(id)).toBe(bigOf(hash) >> 126n);
    }),
  );
});

test("a ULID is 48 bits of milliseconds, then 80 of chance", () => {
  // The example of the specification of ULID.
  expect(ulidOf(1469918176385, new Uint8Array(10))).toBe("01aryz6s410000000000000000");
  fc.assert(
    fc.property(fc.nat(2 ** 48 - 1), bytes(10), (time, chance) => {
      const id = ulidOf(time, chance);
      expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{26}$/);
      expect(numberOf(id)).toBe((BigInt(time) << 80n) | bigOf(chance));
    }),
  );
});

test("a later ULID sorts behind", () => {
  const moment = fc.tuple(fc.nat(2 ** 48 - 1), bytes(10));
  fc.assert(
    fc.property(moment, moment, ([before, a], [after, b]) => {
      fc.pre(before < after);
      expect(ulidOf(before, a) < ulidOf(after, b)).toBe(true);
    }),
  );
});
