import { expect, test } from "vitest";

import { poolText } from "../../src/report/pool-text.ts";

const worker = { host: "gpu-1\u001b[31m", pid: 4711, version: "0.1.0", slots: 2 };
const quiet = { pool: "gpu", pausedSince: null, workers: [], active: 0, waiting: 0, runs: [] };

test("a pool says what it takes, where, and how far its runs are", () => {
  const room = { cpu: 8, memoryBytes: 32 * 2 ** 30, gpus: 1 };
  const view = {
    ...quiet,
    workers: [
      { ...worker, room },
      { ...worker, host: "b", slots: 10, room: { ...room, gpus: 0 } },
    ],
    active: 3,
    waiting: 1,
    runs: [{ run: "r4k7", done: 2, total: 5 }],
  };
  expect(poolText(view)).toBe(
    [
      "pool gpu: 3 of 12 slots taken, 1 handed out",
      "",
      "worker      slots  cores  memory  GPUs  version",
      "gpu-1 4711      2      8  32 GiB     1  0.1.0",
      "b 4711         10      8  32 GiB     0  0.1.0",
      "",
      "run r4k7: 2 of 5 steps",
      "",
    ].join("\n"),
  );
});

test("a pool without workers, or one that is paused, says what to do next", () => {
  expect(poolText(quiet)).toContain("next: sluice worker --pool gpu");
  const paused = poolText({ ...quiet, pausedSince: "2026-01-01T00:00:00.000Z" });
  expect(paused).toContain("paused since 2026-01-01T00:00:00.000Z");
  expect(paused).toContain("next: sluice unpause --pool gpu");
});
