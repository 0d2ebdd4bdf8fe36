import { expect, test } from "vitest";

import { looseLocks, withLooseLocks } from "../../src/plan/loose-locks.ts";
import { ordered, parsed } from "../builders/pipeline.ts";

const VENV = `version: 1
environment: { venv: .venv, lock: req.txt }
steps:
  a: { run: x }
  b: { run: y }
  c: { run: z, environment: { conda: env, lock: conda.lock } }
  d: { run: z, environment: { system: true } }
`;
const HASH = "1".repeat(64);
const SOUND = {
  "req.txt": `six==1.17.0 --hash=sha256:${HASH}\n`,
  "conda.lock": `@EXPLICIT\nhttps://x/six.conda#sha256:${HASH}\n`,
};

function told(files: Readonly<Record<string, string>>): readonly string[] {
  return looseLocks(parsed(VENV), (path) => files[path]).problems.map(
    ({ at, severity, message }) => `${at.line}:${at.column} ${severity} ${message}`,
  );
}

test("a lock with versions and hashes is nothing to speak of, and one that is not there is told elsewhere", () => {
  expect(told(SOUND)).toEqual([]);
  expect(told({})).toEqual([]);
});

test.each([
  ["numpy>=1.20\n", "line 1: `numpy>=1.20` is no package by its version (`name==1.2.3`)"],
  ["six\n", "line 1: `six` is no package by its version (`name==1.2.3`)"],
  ["# later\n", "it names no package"],
  ["six==1.17.0\n", "line 1: `six==1.17.0` has no hash"],
])("the lock %j is told once, where its environment is written", (text, why) => {
  expect(told({ ...SOUND, "req.txt": text })).toEqual([
    `2:14 warning \`req.txt\` does not pin what is installed, and workers build nothing from it: ${why}`,
  ]);
});

test("a conda lock is explicit", () => {
  expect(told({ ...SOUND, "conda.lock": "name: env\n" })).toEqual([
    "6:29 warning `conda.lock` does not pin what is installed, and workers build nothing from it: line 1 is no package by address and digest",
  ]);
});

test("what is loose counts as not pinned, and changes no key", () => {
  const order = ordered(VENV, { "req.txt": "six", "conda.lock": "@EXPLICIT" });
  const { locks } = looseLocks(parsed(VENV), (path) => ({ ...SOUND, "req.txt": "six" })[path]);
  const marked = withLooseLocks(order, locks);

  expect(marked.pinned).toBe(false);
  expect(marked.digest).toBe(order.digest);
  expect(marked.steps.map(({ name, loose, symbol }) => [name, loose === true, symbol])).toEqual(
    order.steps.map(({ name, symbol }) => [name, name === "a" || name === "b", symbol]),
  );
});
