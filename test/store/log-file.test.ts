import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { keptLog, plainLog } from "../../src/store/log-file.ts";

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "sluice-log-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

async function keep(bytes: Uint8Array): Promise<Buffer> {
  const log = join(directory(), "step.log");
  writeFileSync(log, bytes);
  return keptLog(log, (path) => Promise.resolve(readFileSync(path)));
}

test("a log is kept compressed and read as it was written, a short one as it is, one of compressed bytes too", async () => {
  const long = Buffer.from("epoch 1: loss 0.5\n".repeat(1_000));
  const kept = await keep(long);
  expect(kept.length).toBeLessThan(long.length / 20);
  expect(Buffer.from(await plainLog(kept)).equals(long)).toBe(true);

  const short = Buffer.from("done\n");
  expect((await keep(short)).equals(short)).toBe(true);

  const odd = await keep(kept);
  expect(Buffer.from(await plainLog(odd)).equals(kept)).toBe(true);
});

test("what a step left where the compressed log goes is not written through", async () => {
  const place = directory();
  const log = join(place, "step.log");
  writeFileSync(log, "x".repeat(5_000));
  writeFileSync(join(place, "precious"), "mine");
  symlinkSync(join(place, "precious"), `${log}.gz`);
  await keptLog(log, (path) => Promise.resolve(readFileSync(path)));
  expect(readFileSync(join(place, "precious"), "utf8")).toBe("mine");
  expect(readdirSync(place).sort()).toEqual(["precious", "step.log"]);
});
