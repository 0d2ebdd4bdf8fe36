import { openQueue } from "../../src/queue/open-queue.ts";

/** A process of its own to be killed: `queue-child.ts <url> <data> <mode> <name>`; says what it has on its output. */
const [url = "", data = "", mode = "", name = ""] = process.argv.slice(2);

function say(words: string): void {
  process.stdout.write(`${words}\n`);
}

const opened = await openQueue(url, { data, holder: `child ${process.pid}`, onError: () => undefined });
if (opened.kind === "refused") throw new Error(opened.expected);
const { jobs, leases, bus } = opened.queue;
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
  default:
    throw new Error(`no mode ${mode}`);
}
