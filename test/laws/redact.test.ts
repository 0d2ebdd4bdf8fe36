import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";

import { redactLog } from "../../src/executor/redact-log.ts";
import { redact, redactFailure } from "../../src/run/redact.ts";
import type { Failure } from "../../src/run/run-record.ts";

const secret = fc.string({ minLength: 8, maxLength: 60, unit: "binary" }).filter((text) => !text.includes("*"));
const noise = fc.string({ maxLength: 40 });

/** How a program may say a value. */
const SAID: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => Buffer.from(value).toString("base64"),
  (value) => Buffer.from(value).toString("base64url"),
  (value) => Buffer.from(value).toString("hex"),
  (value) => Buffer.from(value).toString("hex").toUpperCase(),
  (value) => encodeURIComponent(value),
  (value) => new URLSearchParams({ v: value }).toString().slice(2),
  (value) => JSON.stringify(value).slice(1, -1),
];

test("no form of a secret survives, whatever stands around it", () => {
  fc.assert(
    fc.property(secret, noise, noise, fc.constantFrom(...SAID), (value, before, after, say) => {
      expect(redact(`${before}${say(value)}${after}`, [value])).not.toContain(say(value));
    }),
  );
});

test("nor does one in the middle of something that was encoded as a whole", () => {
  fc.assert(
    fc.property(secret, noise, noise, (value, before, after) => {
      const whole = Buffer.from(`${before}${value}${after}`).toString("base64");
      const clean = redact(whole, [value]);
      expect(clean).toContain("***");
      expect(Buffer.from(clean, "base64").toString()).not.toContain(value);
    }),
  );
});

test("a log that was written in any pieces holds no secret when it can be read", () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-redact-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const log = join(directory, "log");
  fc.assert(
    fc.property(secret, fc.array(fc.nat(), { maxLength: 10 }), (value, cuts) => {
      const bytes = Buffer.from(`begin ${value} end`);
      writeFileSync(log, "");
      let at = 0;
      for (const cut of cuts) {
        const end = Math.min(bytes.length, at + (cut % 7));
        writeFileSync(log, bytes.subarray(at, end), { flag: "a" });
        at = end;
      }
      writeFileSync(log, bytes.subarray(at), { flag: "a" });
      redactLog(log, { TOKEN: value });
      expect(readFileSync(log, "utf8")).toBe("begin *** end");
    }),
  );
});

test("of two secrets that overlap, neither survives", () => {
  fc.assert(
    fc.property(secret, fc.nat({ max: 7 }), (value, cut) => {
      const other = `${value.slice(cut)}tail`;
      const clean = redact(`${value.slice(0, cut)}${other}`, [value, other]);
      expect(clean).not.toContain(value);
      expect(clean).not.toContain(other);
    }),
  );
});

const FAILURES: readonly Failure[] = [
  { kind: "undeclared-write", paths: ["@", "@"] },
  { kind: "lost", why: "@" },
  { kind: "exit", code: 3 },
];

test("of a failure the words are cleaned, and its kind and numbers stay", () => {
  fc.assert(
    fc.property(secret, fc.constantFrom(...FAILURES), (value, failure) => {
      const told = JSON.parse(
        JSON.stringify(failure).replaceAll("@", () => JSON.stringify(value).slice(1, -1)),
      ) as Failure;
      const clean = redactFailure(told, [value]);
      expect(clean.kind).toBe(failure.kind);
      expect(clean).toEqual(JSON.parse(JSON.stringify(failure).replaceAll("@", "***")));
    }),
  );
});
