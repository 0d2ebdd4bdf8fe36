import { execFile } from "node:child_process";
import { join } from "node:path";

import { expect, test } from "vitest";

import { AT_NIGHT, NIGHTLY } from "../nightly.ts";
import { markdown, median, row } from "../../bench/row.ts";

const MAIN = join(import.meta.dirname, "../../bench/main.ts");

function bench(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test.skipIf(!NIGHTLY)(`--json prints rows and nothing else${AT_NIGHT}`, { timeout: 120_000 }, async () => {
  const { code, stdout } = await bench("--json", "hashing");
  expect(code).toBe(0);
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  expect(rows.map(({ name }) => name)).toEqual(["hash-large-file", "hash-small-files", "small-files-unchanged"]);
  for (const one of rows)
    expect(Object.keys(one)).toEqual(["name", "value", "unit", "target", "met", "rival", "rivalValue", "ratio"]);
  expect(rows[2]).toMatchObject({ target: null, met: null, rival: null, rivalValue: null, ratio: null });
});

test("a benchmark that is not there is named, with those that are", async () => {
  const { code, stdout, stderr } = await bench("speed");
  expect([code, stdout]).toEqual([64, ""]);
  expect(stderr).toContain("noop cold planning hashing ledger verify dispatch deliveries promotion");
});

test("targets are kept from above for times and from below for speeds", () => {
  expect(row("a", [120.04, "ms"], { target: 120 }).met).toBe(true);
  expect(row("a", [121, "ms"], { target: 120 }).met).toBe(false);
  expect(row("a", [49_000, "files/s"], { target: 50_000 }).met).toBe(false);
  expect(row("a", [10, "ms"], { rival: "b", rivalValue: 40 }).ratio).toBe(0.25);
  expect(median([5, 1, 9])).toBe(5);
  expect(markdown([row("a", [121, "ms"], { target: 120 })])).toContain("| a | 121 ms | 120 ms (missed) |  |");
});
