import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { systemClock } from "../../src/clock/system-clock.ts";
import { decodeEnd, encodeAttempt, type StagedJob } from "../../src/controller/attempt-payload.ts";
import { keyOf } from "../../src/key/key-document.ts";
import { servicePaths } from "../../src/main/serve/paths.ts";
import { poolQueue, startWorker } from "../../src/main/serve/worker.ts";
import { queueDispatcher } from "../../src/queue/queue-dispatcher.ts";
import { endedUnseen, type StepEnd } from "../../src/run/step-job.ts";
import { begunAttempts } from "../../src/store/begun-attempts.ts";
import { fileCheckpoints } from "../../src/store/checkpoints.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { ordered } from "../builders/pipeline.ts";
import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { openedQueue } from "../contract/queue.ts";
import { runId } from "../manifest/run-records.ts";

const RUN = runId("a");

/** The first attempt of a step that changes the outside world, or of one that computes. */
function attempt(kind: "effects" | "outputs"): StagedJob {
  const step = kind === "effects" ? "{ run: echo ship, effects: true }" : "{ run: echo 1 > out, outputs: [out] }";
  const [work] = ordered(`version: 1\nsteps:\n  ship: ${step}\n`).steps;
  if (work === undefined) throw new Error("unreachable: there is one step");
  const cause = { kind: "uncached", why: "effects" } as const;
  const { document } = work;
  const name = { id: `${kind}-1`, step: work, document, key: keyOf(document), attempt: 1, cause };
  return {
    id: name.id,
    run: RUN,
    domain: "main",
    requestedBy: null,
    job: { ...name, forced: false, memoryBytes: null },
    staged: [],
    params: {},
    deploys: null,
    sandbox: "auto",
    secretOrder: null,
  };
}

/** A worker on a Redis of its own, and attempts handed to it by a controller that remembers nothing. */
async function place() {
  const backend = await redisBackend();
  onTestFinished(() => backend.stop());
  const queue = await openedQueue(backend);
  onTestFinished(() => queue[Symbol.asyncDispose]());
  const clock = systemClock();
  const unsynced = new Set<string>();
  const barrier = {
    add: (path: string) => void unsynced.add(path),
    reach: async () => unsynced.clear(),
  };
  const worker = await startWorker({
    queue,
    store: filesystemStore(servicePaths(backend.data).store, barrier),
    begun: begunAttempts(servicePaths(backend.data).store),
    checkpoints: fileCheckpoints(`${backend.data}/checkpoints`, removeTree),
    clock,
    data: backend.data,
    path: process.env["PATH"] ?? "",
    pool: "default",
    version: "test",
    concurrency: 1,
    kubernetes: null,
    variable: () => undefined,
    onError: () => undefined,
  });
  onTestFinished(() => worker[Symbol.asyncDispose]());
  return {
    unsynced,
    perform: async (job: StagedJob): Promise<StepEnd> => {
      await using dispatcher = await queueDispatcher<StagedJob, StepEnd>({
        queue,
        pool: poolQueue("default"),
        run: RUN,
        slots: 1,
        encode: encodeAttempt,
        decode: decodeEnd,
        cancelled: () => ({ kind: "cancelled", attempt: null }),
        lost: ({ job: of }, why) => endedUnseen(of, { kind: "lost", why }, clock.now()),
        onError: () => undefined,
      });
      dispatcher.dispatch(job);
      const { end } = await dispatcher.next();
      if (end.kind === "broken") throw end.error;
      return end.value;
    },
    wipe: async (): Promise<void> => {
      const redis = new Redis(backend.url);
      await redis.flushall();
      redis.disconnect();
    },
  };
}

if (!hasRedis())
  process.stderr.write(
    "skipped: a queue that is emptied, because there is no redis-server here (apt install redis-server)\n",
  );
test.skipIf(!hasRedis())(
  "what changes the outside world is not begun again after the queue was emptied: nobody knows how far it came",
  { timeout: 60_000 },
  async () => {
    const { perform, wipe, unsynced } = await place();
    for (const kind of ["effects", "outputs"] as const) {
      expect((await perform(attempt(kind))).kind).toBe("succeeded");
      // The end was told: what it names is on the disk.
      expect([...unsynced]).toEqual([]);
    }
    await wipe();
    expect(await perform(attempt("effects"))).toMatchObject({ kind: "failed", failure: { kind: "lost" } });
    expect((await perform(attempt("outputs"))).kind).toBe("succeeded");
  },
);
