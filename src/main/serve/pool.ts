import type { OpenPool } from "../../cli/world.ts";
import { PROGRESS } from "../run/orders.ts";
import { poolQueue } from "./worker.ts";
import { pausedSince, pausePool, unpausePool } from "../../queue/pool-pause.ts";
import type { Queue } from "../../queue/queue.ts";
import { listWorkers } from "../../queue/workers.ts";

/** A part of main.ts for `ps`, `pause` and `unpause`: a pool as the queue shows it. */
export function openPool(queue: Queue, pool: string, now: () => number): OpenPool {
  const name = poolQueue(pool);
  const { table } = queue;
  return {
    async view() {
      const [workers, counts, since, progress] = await Promise.all([
        listWorkers(table, name),
        queue.jobs.counts(name),
        pausedSince(table, name),
        table.entries(PROGRESS),
      ]);
      const runs = progress.map(({ key, value }) => ({ run: key, ...(value as { done: number; total: number }) }));
      return {
        pool,
        pausedSince: since ?? null,
        workers,
        active: counts.active,
        waiting: counts.waiting,
        runs: runs.map(({ run, done, total }) => ({ run, done, total })),
      };
    },
    pause: () => pausePool(table, name, new Date(now()).toISOString()),
    unpause: () => unpausePool(table, name),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}
