import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
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

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-redact-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

test("a log that was written in any pieces holds no secret when it can be read", () => {
  const log = join(place(), "log");
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

test("a log of bytes that are no text keeps them, and a secret that lies across any two pieces of it is gone", () => {
  const log = join(place(), "log");
  const value = `correct-horse-${"battery".repeat(9_000)}`;
  const noise = Buffer.alloc(1 << 20, 0xff);
  for (const from of [(1 << 20) - value.length, (1 << 20) - 5, 1 << 20, (2 << 20) - value.length + 1]) {
    const bytes = Buffer.concat([noise, noise, noise]);
    bytes.write(value, from);
    writeFileSync(log, bytes);
    redactLog(log, { TOKEN: value });
    const clean = readFileSync(log);
    expect(clean.length).toBe(bytes.length - value.length + 3);
    expect([clean.indexOf("***"), clean.indexOf("battery"), clean.indexOf(0xef)]).toEqual([from, -1, -1]);
  }
});

test("a very large log is kept without its middle, says so, and holds no part of a secret on either side of the cut", () => {
  const log = join(place(), "log");
  const value = "correct-horse-battery-staple";
  const size = 600 << 20;
  const kept = 24 << 20;
  writeFileSync(log, "begin");
  truncateSync(log, size);
  const file = openSync(log, "r+");
  // Across the first cut, across the second one, and behind it.
  for (const at of [kept - 10, size - kept - 10, size - 1_000]) writeSync(file, value, at);
  writeSync(file, "end", size - 3);
  closeSync(file);
  redactLog(log, { TOKEN: value });
  const clean = readFileSync(log);
  expect(clean.length).toBeLessThan(2 * kept + 1_000);
  expect(clean.subarray(0, 5).toString()).toBe("begin");
  expect(clean.subarray(-3).toString()).toBe("end");
  expect(clean.includes("[552 MiB of this log were left out here: it was larger than 64 MiB]")).toBe(true);
  for (const part of ["correct", "horse", "battery", "staple"])
    expect([part, clean.includes(part)]).toEqual([part, false]);
  expect(clean.includes("***")).toBe(true);
});

test("a very large log of a step without secrets is kept without its middle as well", () => {
  const log = join(place(), "log");
  writeFileSync(log, "begin");
  truncateSync(log, 1_900 << 20);
  redactLog(log, {});
  expect(statSync(log).size).toBeLessThan(49 << 20);
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
