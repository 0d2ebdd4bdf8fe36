import fc from "fast-check";
import { expect, test } from "vitest";

import { redact, redactFailure, redactorOfBytes } from "../../src/run/redact.ts";

const SECRET = "s3cret/päß?+ word";
const bytes = Buffer.from(SECRET);

test.each([
  ["plain", SECRET],
  ["base64", bytes.toString("base64")],
  ["base64 without its end", bytes.toString("base64").replace(/=+$/, "")],
  ["base64url", bytes.toString("base64url")],
  ["hex", bytes.toString("hex")],
  ["hex in capitals", bytes.toString("hex").toUpperCase()],
  ["URL", encodeURIComponent(SECRET)],
  ["URL in small letters", encodeURIComponent(SECRET).replaceAll(/%../g, (escape) => escape.toLowerCase())],
  ["a form", new URLSearchParams({ v: SECRET }).toString().slice(2)],
  ["JSON", JSON.stringify(`${SECRET}"\n`).slice(1, -5)],
])("a secret that is said as %s is masked, and nothing else", (_, said) => {
  expect(redact(`before ${said} after`, [SECRET])).toBe("before *** after");
});

test("JSON escapes are a form of a secret", () => {
  expect(redact(String.raw`{"token":"a\"b\ncd"}`, ['a"b\ncd'])).toBe('{"token":"***"}');
});

test.each(["", "u:", "us:", "use:", "user:"])(
  "inside of %j that was encoded as a whole it is masked in base64 of both kinds",
  (before) => {
    const secret = "~~~???>>>correct-horse";
    const whole = Buffer.from(`${before}${secret}:after`);
    for (const text of [whole.toString("base64"), whole.toString("base64url")]) {
      const clean = redact(`Basic ${text} end`, [secret]);
      expect(clean).toMatch(/^Basic [\w+/-]{0,8}\*\*\*[\w+/-]*=* end$/);
      expect(Buffer.from(clean.slice(6, -4), "base64").toString("latin1")).not.toContain("correct");
    }
  },
);

test("words that are too short to be secrets stay, one of four letters does not", () => {
  expect(redact("abc abcd 616263 YWJj", ["abc", ""])).toBe("abc abcd 616263 YWJj");
  expect(redact("abc abcd 616263 61626364", ["abcd"])).toBe("abc *** 616263 ***");
  // The inner letters of its base64 are those of many a word.
  expect(redact("FiY2 hYm word", ["abcd"])).toBe("FiY2 hYm word");
});

test("without secrets, and where none is said, a text stays as it is", () => {
  expect(redact("nothing here", [])).toBe("nothing here");
  expect(redact("nothing here", ["secret"])).toBe("nothing here");
  expect(redact("", ["secret"])).toBe("");
});

test("secrets that follow each other are masked one by one, those that overlap together", () => {
  expect(redact("onetwo1 onetwo1onetwo1", ["onetwo1"])).toBe("*** ******");
  expect(redact("<abcdefgh>", ["abcdef", "cdefgh"])).toBe("<***>");
  expect(redact("<abcabcabcabc>", ["abcabc"])).toBe("<***>");
  expect(redact("<outer-inner-outer>", ["outer-inner-outer", "inner"])).toBe("<***>");
});

const secret = fc.stringMatching(/^[a-d]{4,8}$/);

test("in whatever pieces it comes, a log is cleaned like its whole", () => {
  const text = fc.stringMatching(/^[a-e]{0,60}$/);
  fc.assert(
    fc.property(fc.array(secret, { maxLength: 3 }), text, fc.array(fc.nat(9)), (secrets, said, cuts) => {
      const redactor = redactorOfBytes(secrets);
      let [at, given] = [0, ""];
      for (const cut of cuts) {
        given += redactor.push(said.slice(at, at + cut));
        at += cut;
      }
      given += redactor.push(said.slice(at)) + redactor.end();
      expect(given).toBe(redact(said, secrets));
    }),
  );
});

test("what cannot become a secret any more is given at once, what may is kept back until it is sure", () => {
  const redactor = redactorOfBytes(["secret-1"]);
  expect(redactor.longest).toBe(Buffer.from("secret-1").toString("hex").length);
  expect([
    redactor.push("plain sec"),
    redactor.push("ret"),
    redactor.push("-2 "),
    redactor.push("secret-"),
    redactor.push("1!"),
  ]).toEqual(["plain ", "", "secret-2 ", "", "***!"]);
  expect([redactor.push("sec"), redactor.end(), redactor.push("ret-1"), redactor.end()]).toEqual([
    "",
    "sec",
    "ret-1",
    "",
  ]);
});

test("what was there before is looked at and left out", () => {
  const after = (before: string, text: string): string => {
    const redactor = redactorOfBytes(["secret-1"], before.length);
    return redactor.push(before) + redactor.push(text) + redactor.end();
  };
  expect(after("before ", "and secret-1")).toBe("and ***");
  expect(after("has sec", "ret-1 after")).toBe(" after");
  expect(after("secret-1", "after")).toBe("after");
});

test("bytes that are no text stay, and secrets beyond ASCII are found among them", () => {
  const redactor = redactorOfBytes(["päßword"]);
  const log = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("päßword"), Buffer.from([0xc3])]).toString(
    "latin1",
  );
  const clean = Buffer.from(redactor.push(log) + redactor.end(), "latin1");
  expect([...clean]).toEqual([0xff, 0xfe, 42, 42, 42, 0xc3]);
});

test("a failure without secrets to hide is the same one, in others every word is cleaned but its kind", () => {
  const lost = { kind: "lost", why: "lost and secret-1" } as const;
  expect(redactFailure(lost, [])).toBe(lost);
  expect(redactFailure(lost, ["secret-1", "lost"])).toEqual({ kind: "lost", why: "*** and ***" });
  const many = { kind: "undeclared-write", paths: ["a/secret-1", "b"], missing: ["secret-1"] } as const;
  expect(redactFailure(many, ["secret-1"])).toEqual({
    kind: "undeclared-write",
    paths: ["a/***", "b"],
    missing: ["***"],
  });
  expect(redactFailure({ kind: "oom", limitBytes: 1234, peakBytes: null }, ["1234"])).toEqual({
    kind: "oom",
    limitBytes: 1234,
    peakBytes: null,
  });
});
