import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { Clock } from "../../src/clock/clock.ts";
import { openUsableStore, whyUnusable } from "../../src/main/serve/store.ts";

const NEVER = { wait: () => new Promise<undefined>(() => undefined) };

test("a store that does not answer holds nobody's start: /readyz says it, once there is one", async () => {
  const waits: number[] = [];
  const clock: Pick<Clock, "wait"> = { wait: async (milliseconds) => void waits.push(milliseconds) };
  const hangs = () => new Promise<never>(() => undefined);
  expect(await whyUnusable(hangs, "/nowhere", clock)).toBeUndefined();
  expect(waits).toEqual([5_000]);
});

test("a store whose place is a file is refused at the start, and nothing is waited for any more", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-store-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "file");
  writeFileSync(path, "");
  let stopped: AbortSignal | undefined;
  const clock: Pick<Clock, "wait"> = { wait: (_, signal) => ((stopped = signal), NEVER.wait()) };
  const opened = await openUsableStore({ kind: "filesystem", path }, directory, clock);
  expect(opened).toMatchObject({ kind: "refused", reason: "usage" });
  expect(stopped?.aborted).toBe(true);
});
