import { setTimeout } from "node:timers/promises";

import { fairPool } from "../../src/queue/fair-pool.ts";
import { openQueue } from "../../src/queue/open-queue.ts";
import { announceWorker } from "../../src/queue/workers.ts";

/** A process of its own to be killed: `queue-child.ts <url> <data> <mode> <name>`; says what it has on its output. */
const [url = "", data = "", mode = "", name = ""] = process.argv.slice(2);

function say(words: string): void {
  process.stdout.write(`${words}\n`);
}

const opened = await openQueue(url, { data, holder: `child ${process.pid}`, onError: () => undefined });
if (opened.kind === "refused") throw new Error(opened.expected);
const { jobs, leases, bus, table } = opened.queue;
const NOTHING = { cpu: 0, memoryBytes: 0, gpus: 0 };
switch (mode) {
  case "hold-job":
    await jobs.consume(name, {
      concurrency: 1,
      perform: (job) => {
        say(`performing ${job.id}`);
        return new Promise(() => setInterval(() => undefined, 1000));
      },
      onError: () => undefined,
    });
    break;
  case "hold-lease": {
    const lease = await leases.acquire(name, { ttlMs: 1000, holder: "child" });
    say(`fence ${lease?.fence}`);
    break;
  }
  case "publish":
    for (let at = 0; at < 500; at += 5) {
      const ids = Array.from({ length: 5 }, (_, i) => `${process.pid}-${at + i}`);
      await bus.publish(
        name,
        ids.map((id) => ({ id, body: { id } })),
      );
      // The same once more: a publisher that died and began again.
      if (at % 50 === 0) await bus.publish(name, [{ id: ids[0] ?? "", body: "again" }]);
    }
    await opened.queue[Symbol.asyncDispose]();
    say("published");
    break;
  case "hold-turns": {
    const onError = (): void => undefined;
    const room = { cpu: 8, memoryBytes: 1_000, gpus: 0 };
    await announceWorker(table, name, { slots: 1, room, version: "1", host: "child", pid: process.pid }, onError);
    const fair = fairPool({ queue: opened.queue, pool: name, holder: "child", onError });
    while (fair.counts() === undefined || fair.largest.length === 0) await setTimeout(10);
    say("holding");
    break;
  }
  case "wait-for-turns": {
    const fair = fairPool({ queue: opened.queue, pool: name, holder: "child", onError: () => undefined });
    const turns = fair.open(() => say("granted"));
    for (const id of ["d1", "d2", "d3", "d4", "d5"])
      turns.submit({ id, flow: "doomed", weight: 1, cost: 1, priority: 0, path: 0, demand: NOTHING, limits: [] });
    break;
  }
  default:
    throw new Error(`no mode ${mode}`);
}
