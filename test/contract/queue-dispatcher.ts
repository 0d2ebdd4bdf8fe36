import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import type { Json } from "../../src/identity/canonical-json.ts";
import { parseRunId, type RunId } from "../../src/identity/identity.ts";
import { attemptConsumer } from "../../src/queue/attempt-consumer.ts";
import { cancelFlags, endsTopic } from "../../src/queue/attempt-messages.ts";
import { queueDispatcher, type QueueDispatcher } from "../../src/queue/queue-dispatcher.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { dispatcherContract, type PerformTest, type TestJob } from "./dispatcher.ts";
import { child } from "./queue-processes.ts";
import { openedQueue, until, type Backend } from "./queue.ts";

function run(): RunId {
  const digits = randomUUID()
    .replaceAll(/[^0-9]/g, "")
    .padEnd(26, "0");
  const id = parseRunId(digits.slice(0, 26));
  if (id === undefined) throw new Error("no run id");
  return id;
}

function parsed(job: Json): TestJob {
  if (typeof job !== "object" || job === null || !("id" in job && "says" in job)) throw new Error("no job");
  if (typeof job.id !== "string" || typeof job.says !== "string") throw new Error("no job");
  return { id: job.id, says: job.says };
}

/** The dispatcher over a queue, with a worker's consumer on the other side. */
export function queueDispatcherContract(start: () => Promise<Backend>): void {
  let backend: Backend;
  let coordinator: Queue;
  let worker: Queue;
  beforeAll(async () => {
    backend = await start();
    coordinator = await openedQueue(backend);
    worker = await openedQueue(backend);
  });
  afterAll(async () => {
    await coordinator[Symbol.asyncDispose]();
    await worker[Symbol.asyncDispose]();
    await backend.stop();
  });

  const onError = (): void => undefined;
  const ROOM = { cpu: 8, memoryBytes: 100, gpus: 0 };

  function dispatching(pool: string, of: RunId, slots = 2): Promise<QueueDispatcher<TestJob, string>> {
    return queueDispatcher<TestJob, string>({
      queue: coordinator,
      pool,
      run: of,
      slots,
      encode: ({ id, says }) => ({ id, says }),
      decode: (end) => {
        if (typeof end !== "string") throw new Error("no end");
        return end;
      },
      cancelled: () => "never began",
      lost: (_job, why) => `lost: ${why}`,
      onError,
    });
  }

  async function consuming(
    pool: string,
    concurrency: number,
    perform: PerformTest,
    ready = (): boolean => true,
  ): Promise<void> {
    const consumer = await attemptConsumer({
      queue: worker,
      pool,
      concurrency,
      room: ROOM,
      demandOf: (job) => ({ cpu: 1, memoryBytes: parsed(job).says === "large" ? 100 : 0, gpus: 0 }),
      ready,
      reads: (job) => job !== "of another version",
      perform: async (job, signal) => perform(parsed(job), signal),
      onError,
    });
    onTestFinished(() => consumer.close());
  }

  dispatcherContract(async (slots, perform) => {
    const pool = `pool-${randomUUID()}`;
    await consuming(pool, slots, perform);
    return dispatching(pool, run(), slots);
  });

  describe("a dispatcher over a queue", () => {
    test("survives a restart: ends told before are told again, and nothing is performed twice", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      const performed: string[] = [];
      let goOn: (() => void) | undefined;
      const gate = new Promise<void>((resolve) => (goOn = resolve));
      await consuming(pool, 1, async (job) => {
        performed.push(job.id);
        if (job.id === "a2") await gate;
        return job.says;
      });
      const jobs = ["a1", "a2", "a3"].map((name) => ({ id: name, says: `of ${name}` }));
      const before = await dispatching(pool, id);
      for (const job of jobs) before.dispatch(job);
      expect((await before.next()).job.id).toBe("a1");
      await until(() => performed.includes("a2"));
      await before[Symbol.asyncDispose]();
      const after = await dispatching(pool, id);
      for (const job of jobs) after.dispatch(job);
      goOn?.();
      const ends = [await after.next(), await after.next(), await after.next()];
      expect(ends.map(({ job, end }) => [job.id, end]).toSorted()).toEqual(
        jobs.map(({ id: name, says }) => [name, { kind: "ended", value: says }]),
      );
      await until(async () => (await worker.jobs.counts(pool)).active === 0);
      expect(performed).toEqual(["a1", "a2", "a3"]);
      await after[Symbol.asyncDispose]();
      await coordinator.bus.drop(endsTopic(id));
    });

    test("an end that was published while nobody listened is told", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      const job = { id: "alone", says: "done" };
      const before = await dispatching(pool, id);
      before.dispatch(job);
      await until(async () => (await worker.jobs.counts(pool)).waiting === 1);
      await before[Symbol.asyncDispose]();
      let performed = 0;
      await consuming(pool, 1, async ({ says }) => {
        performed++;
        return says;
      });
      await until(() => performed === 1);
      await until(async () => (await worker.jobs.counts(pool)).active === 0);
      const after = await dispatching(pool, id);
      expect([after.knows("alone"), after.knows("other")]).toEqual([true, false]);
      after.dispatch(job);
      expect((await after.next()).end).toEqual({ kind: "ended", value: "done" });
      expect(await worker.jobs.counts(pool)).toEqual({ waiting: 0, active: 0, delayed: 0 });
      expect(performed).toBe(1);
      await after[Symbol.asyncDispose]();
    });

    test("an attempt that comes again after its end is not performed", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      const topic = endsTopic(id);
      await coordinator.bus.publish(topic, [{ id: "over", body: { kind: "ended", value: "then" } }]);
      await coordinator.jobs.add(
        pool,
        ["over", "next"].map((name) => ({ id: name, payload: { topic, job: { id: name, says: name } }, once: true })),
      );
      const performed: string[] = [];
      await consuming(pool, 1, async ({ says }) => {
        performed.push(says);
        return says;
      });
      await until(() => worker.bus.has(topic, "next"));
      expect(performed).toEqual(["next"]);
    });

    test("an attempt whose worker was killed is told as lost, once, whatever is said of it later", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      const holder = child(backend, "hold-job", pool);
      const dispatcher = await dispatching(pool, id);
      dispatcher.dispatch({ id: "doomed-1", says: "" });
      expect(await holder.says()).toBe("performing doomed-1");
      const performed: string[] = [];
      await consuming(pool, 1, async (job) => {
        performed.push(job.id);
        return job.says;
      });
      holder.kill();
      const { job, end } = await dispatcher.next();
      expect(job.id).toBe("doomed-1");
      expect(end.kind === "ended" && end.value).toMatch(/^lost: /);
      await worker.bus.publish(endsTopic(id), [{ id: "doomed-1", body: { kind: "ended", value: "late" } }]);
      dispatcher.dispatch({ id: "doomed-2", says: "again" });
      const next = await dispatcher.next();
      expect([next.job.id, next.end]).toEqual(["doomed-2", { kind: "ended", value: "again" }]);
      expect(performed).toEqual(["doomed-2"]);
      await dispatcher[Symbol.asyncDispose]();
    });

    test("a worker that can perform nothing yet takes nothing from those who can, and takes its part as soon as it can", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      let [ready, asked] = [false, 0];
      await consuming(
        pool,
        1,
        async ({ says }) => says,
        () => {
          asked++;
          return ready;
        },
      );
      const dispatcher = await dispatching(pool, id);
      dispatcher.dispatch({ id: "patient", says: "done" });
      await until(async () => (await worker.jobs.counts(pool)).waiting === 1);
      const before = asked;
      await until(() => asked > before);
      expect(await worker.jobs.counts(pool)).toEqual({ waiting: 1, active: 0, delayed: 0 });
      ready = true;
      expect((await dispatcher.next()).end).toEqual({ kind: "ended", value: "done" });
      await dispatcher[Symbol.asyncDispose]();
    });

    test("a worker performs at once only what finds room on its machine", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      let [now, most] = [0, 0];
      await consuming(pool, 4, async ({ says }) => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 20));
        now--;
        return says;
      });
      const dispatcher = await dispatching(pool, id, 4);
      for (const name of ["r1", "r2", "r3", "r4"]) dispatcher.dispatch({ id: name, says: "large" });
      for (let left = 4; left > 0; left--) await dispatcher.next();
      expect(most).toBe(1);
      await dispatcher[Symbol.asyncDispose]();
    });

    test("a job that no worker took yet is taken out again, and no flag is left of any", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      const dispatcher = await dispatching(pool, id);
      dispatcher.dispatch({ id: "waits", says: "" });
      dispatcher.cancel("waits");
      const { job, end } = await dispatcher.next();
      expect([job.id, end]).toEqual(["waits", { kind: "ended", value: "never began" }]);
      expect(await worker.jobs.counts(pool)).toEqual({ waiting: 0, active: 0, delayed: 0 });

      let began = false;
      await consuming(pool, 1, (_job, signal) => {
        began = true;
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve("told")));
      });
      dispatcher.dispatch({ id: "runs", says: "" });
      await until(() => began);
      const asked = performance.now();
      dispatcher.cancel("runs");
      expect((await dispatcher.next()).end).toEqual({ kind: "ended", value: "told" });
      expect(performance.now() - asked).toBeLessThan(2000);
      await until(async () => (await worker.table.entries(cancelFlags(pool))).length === 0);
      await dispatcher[Symbol.asyncDispose]();
    });

    test("what another version wrote is left to others, and the worker goes on", async () => {
      const [pool, id] = [`pool-${randomUUID()}`, run()];
      await coordinator.jobs.add(pool, [
        { id: "strange", payload: "?" },
        { id: "newer", payload: { topic: endsTopic(id), job: "of another version" } },
      ]);
      await coordinator.bus.publish(endsTopic(id), [{ id: "odd", body: { kind: "?" } }]);
      await consuming(pool, 1, async ({ says }) => says);
      const dispatcher = await dispatching(pool, id);
      dispatcher.dispatch({ id: "odd", says: "" });
      expect((await dispatcher.next()).end.kind).toBe("broken");
      dispatcher.dispatch({ id: "even", says: "fine" });
      expect((await dispatcher.next()).end).toEqual({ kind: "ended", value: "fine" });
      await until(async () => (await worker.jobs.counts(pool)).delayed === 2);
      await dispatcher[Symbol.asyncDispose]();
    });
  });
}
