import type { OpenRuns, ServedRun } from "../../cli/world.ts";
import type { RunId } from "../../identity/identity.ts";
import { LIVE, type LiveRun } from "./live-run.ts";
import { STOP } from "./orders.ts";
import { poolQueue } from "../serve/worker.ts";
import { follow, followTopic, parseTold } from "../../queue/followers.ts";
import type { Queue } from "../../queue/queue.ts";
import { listWorkers } from "../../queue/workers.ts";

const LOOK_MS = 500;
/** What was told right before a run was over is read for so long. */
const LAST_WORDS_MS = 1_500;

interface Parts {
  readonly queue: Queue;
  readonly onError: (error: unknown) => void;
}

/** A part of main.ts for `status`, `cancel` and `logs -f`: the runs that a service has in hand, as its queue shows them. */
export function openRuns(parts: Parts): OpenRuns {
  const { queue } = parts;
  const isOpen = async (run: RunId): Promise<boolean> => (await queue.table.get(LIVE, run)) !== undefined;
  return {
    list: () => list(queue),
    async cancel(run) {
      await queue.table.put(STOP, run, "cancelled");
      // It may have ended meanwhile, and then nobody would take the word away.
      if (!(await isOpen(run))) await queue.table.remove(STOP, run);
    },
    isOpen,
    follow: (run, how) => followRun(parts, run, how),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}

async function list({ table }: Queue): Promise<readonly ServedRun[]> {
  const rows = (await table.entries(LIVE)).map(({ key, value }) => ({ id: key, ...(value as unknown as LiveRun) }));
  const pools = [...new Set(rows.flatMap((row) => row.pools))];
  const workers = (await Promise.all(pools.map((pool) => listWorkers(table, poolQueue(pool))))).flat();
  const attempts = workers.flatMap(({ host, pid, underWay = [] }) => underWay.map((one) => ({ ...one, host, pid })));
  return rows.map(({ id, began, ...row }) => ({
    ...row,
    id: id as RunId,
    startedAt: began === null ? null : new Date(began).toISOString(),
    running: attempts
      .filter((one) => one.run === id)
      .map(({ step, attempt, since, host, pid }) => ({
        step,
        attempt,
        since: new Date(since).toISOString(),
        worker: `${host} ${pid}`,
      })),
  }));
}

async function followRun({ queue, onError }: Parts, run: RunId, how: Parameters<OpenRuns["follow"]>[1]): Promise<void> {
  const { step, signal } = how;
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const beat = await follow(queue.table, run, onError);
  const topic = followTopic(run);
  const subscription = await queue.bus.subscribe(topic, ({ body }) => {
    const told = parseTold(body);
    if (told === undefined || (step !== undefined && told.step !== step)) return;
    how.tell(told);
    if (told.kind === "ended" && step !== undefined) end();
  });
  signal.addEventListener("abort", () => end(), { once: true });
  if (signal.aborted) end();
  let gone = false;
  const look = async (): Promise<void> => {
    if (gone || (await queue.table.get(LIVE, run)) !== undefined) return;
    gone = true;
    setTimeout(end, LAST_WORDS_MS);
  };
  const timer = setInterval(() => void look().catch(onError), LOOK_MS);
  try {
    await over;
  } finally {
    clearInterval(timer);
    await subscription.close();
    await beat.close();
    if (gone) await queue.bus.drop(topic);
  }
}
