import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import type { Json } from "../../src/identity/canonical-json.ts";
import { fairPool, type FairPool, type Turns } from "../../src/queue/fair-pool.ts";
import { pausedSince, pausePool, unpausePool } from "../../src/queue/pool-pause.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { announceWorker } from "../../src/queue/workers.ts";
import { queued } from "../scheduling/simulator.ts";
import { child } from "./queue-processes.ts";
import { openedQueue, until, type Backend } from "./queue.ts";

const ROOM = { cpu: 8, memoryBytes: 1_000, gpus: 0 };
const onError = (): void => undefined;

/** A session that keeps what it was told. */
interface Heard extends Turns {
  readonly granted: string[];
}

/** The fair backlog of a pool between controllers, over a queue. */
export function fairPoolContract(start: () => Promise<Backend>): void {
  let backend: Backend;
  let queue: Queue;
  let other: Queue;
  beforeAll(async () => {
    backend = await start();
    queue = await openedQueue(backend);
    other = await openedQueue(backend);
  });
  afterAll(async () => {
    await queue[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await backend.stop();
  });

  const fresh = (): string => `pool-${randomUUID()}`;

  function joined(pool: string, by = queue): FairPool {
    const fair = fairPool({ queue: by, pool, holder: "test", onError });
    onTestFinished(() => fair[Symbol.asyncDispose]());
    return fair;
  }

  async function worker(pool: string, slots: number): Promise<{ close(): Promise<void> }> {
    const notice = { slots, room: ROOM, version: "1", host: "here", pid: 1 };
    const announced = await announceWorker(queue.table, pool, notice, onError);
    onTestFinished(() => announced.close());
    return announced;
  }

  function session(fair: FairPool): Heard {
    const granted: string[] = [];
    return { ...fair.open((id) => granted.push(id)), granted };
  }

  describe("a fair pool", () => {
    test("gives out at most one more than there are slots, and the next one when one has ended", async () => {
      const pool = fresh();
      await worker(pool, 2);
      const fair = joined(pool);
      const turns = session(fair);
      for (const id of ["1", "2", "3", "4", "5", "6"]) turns.submit(queued("a", { id }));
      await until(() => turns.granted.length === 3);
      turns.withdraw("4");
      turns.ended("2");
      await until(() => turns.granted.length === 4);
      expect(turns.granted).toEqual(["1", "2", "3", "5"]);
      await until(() => fair.counts()?.waiting === 1);
      expect(fair.counts()).toEqual({ waiting: 1, out: 3 });
      await worker(pool, 1);
      await until(() => turns.granted.length === 5);
      await turns.close();
      await until(() => fair.counts()?.out === 0);
      expect(fair.counts()?.waiting).toBe(0);
    });

    test("a session that was given up and is there after all is asked what it waits for", async () => {
      const pool = fresh();
      await worker(pool, 1);
      // They speak every 3 s: in between it is given up.
      const holder = fairPool({ queue, pool, holder: "test", onError, silentMs: 500 });
      onTestFinished(() => holder[Symbol.asyncDispose]());
      await until(() => holder.counts() !== undefined);
      const far = session(joined(pool, other));
      for (const id of ["1", "2", "3", "4"]) far.submit(queued("a", { id }));
      await until(() => far.granted.length === 2);
      await until(() => holder.counts()?.waiting === 0);
      far.ended("1");
      await until(() => far.granted.includes("3"));
      far.ended("2");
      await until(() => far.granted.includes("4"));
      expect(far.granted.slice(0, 2)).toEqual(["1", "2"]);
    });

    test("a session that was given up and closes is asked nothing, and nothing of it is left", async () => {
      const pool = fresh();
      await worker(pool, 1);
      const told: { readonly topic: string; readonly id: string }[] = [];
      const did: string[] = [];
      const seen: Queue = {
        ...queue,
        bus: {
          ...queue.bus,
          async publish(topic, messages) {
            did.push("published");
            for (const { id } of messages) told.push({ topic, id });
            await queue.bus.publish(topic, messages);
          },
          async drop(topic) {
            await queue.bus.drop(topic);
            did.push("dropped");
          },
        },
      };
      const holder = fairPool({ queue: seen, pool, holder: "test", onError, silentMs: 500 });
      onTestFinished(() => holder[Symbol.asyncDispose]());
      await until(() => holder.counts() !== undefined);
      const far = session(joined(pool, other));
      far.submit(queued("a", { id: "1" }));
      await until(() => far.granted.length === 1);
      await until(() => holder.counts()?.out === 0);
      await far.close();
      await until(() => did.at(-1) === "dropped");
      for (const { topic, id } of told) expect(await queue.bus.has(topic, id)).toBe(false);
    });

    test("what a session says is heard in its order, also where it has to say something twice", async () => {
      const pool = fresh();
      await worker(pool, 2);
      const first = fairPool({ queue, pool, holder: "first", onError });
      await until(() => first.counts() !== undefined);
      const said: Json[] = [];
      let fails = false;
      const unsteady: Queue = {
        ...other,
        leases: { ...other.leases, acquire: () => Promise.resolve(undefined) },
        jobs: {
          ...other.jobs,
          async add(to, jobs) {
            if (fails) {
              fails = false;
              far.ended("1");
              throw new Error("the connection broke");
            }
            await other.jobs.add(to, jobs);
            said.push(...jobs.map(({ payload }) => payload));
          },
        },
      };
      const far = session(joined(pool, unsteady));
      for (const id of ["1", "2"]) far.submit(queued("a", { id }));
      await until(() => far.granted.length === 2);
      fails = true;
      said.length = 0;
      await first[Symbol.asyncDispose]();
      const next = joined(pool);
      await until(() => said.length >= 2);
      far.submit(queued("a", { id: "3" }));
      await until(() => far.granted.includes("3"));
      expect(next.counts()).toEqual({ waiting: 0, out: 2 });
    });

    test("without a worker nothing that needs room is given out", async () => {
      const pool = fresh();
      const fair = joined(pool);
      const turns = session(fair);
      turns.submit(queued("a", { id: "1", demand: { cpu: 1, memoryBytes: 0, gpus: 0 } }));
      await until(() => fair.counts()?.waiting === 1);
      expect(fair.largest).toEqual([]);
      await worker(pool, 1);
      await until(() => turns.granted.length === 1);
      expect(fair.largest).toEqual([ROOM]);
    });

    test("a pool that is paused gives out nothing, until it is not", async () => {
      const pool = fresh();
      await worker(pool, 2);
      await pausePool(queue.table, pool, "2026-01-01T00:00:00Z");
      const fair = joined(pool);
      await until(() => fair.workers.offer().paused);
      const turns = session(fair);
      turns.submit(queued("a", { id: "1" }));
      await until(() => fair.counts()?.waiting === 1);
      expect(turns.granted).toEqual([]);
      expect(await pausedSince(other.table, pool)).toBe("2026-01-01T00:00:00Z");
      expect([await unpausePool(other.table, pool), await unpausePool(other.table, pool)]).toEqual([true, false]);
      await until(() => turns.granted.length === 1);
      await turns.close();
    });

    test("controllers take turns in one backlog, whoever holds it", async () => {
      const pool = fresh();
      await worker(pool, 1);
      const first = joined(pool);
      await until(() => first.counts() !== undefined);
      const second = joined(pool, other);
      const [many, few] = [session(first), session(second)];
      for (let at = 0; at < 1_000; at++) many.submit(queued("many", { id: `many-${at}` }));
      await until(() => many.granted.length === 2);
      few.submit(queued("few", { id: "few-0" }));
      await until(() => first.counts()?.waiting === 999);
      expect(second.counts()).toBeUndefined();
      many.ended("many-0");
      await until(() => few.granted.length === 1);
      expect([few.granted, many.granted]).toEqual([["few-0"], ["many-0", "many-1"]]);
      few.ended("few-0");
      await until(() => many.granted.length === 3);
      await few.close();
      await many.close();
    });

    test("a turn that was given back is given again, also to a controller that does not hold the backlog", async () => {
      const pool = fresh();
      await worker(pool, 1);
      const first = joined(pool);
      await until(() => first.counts() !== undefined);
      const turns = session(joined(pool, other));
      for (const times of [1, 2, 3]) {
        turns.submit(queued("a", { id: "1" }));
        await until(() => turns.granted.length === times);
        turns.ended("1");
        await until(() => first.counts()?.out === 0);
      }
      expect(turns.granted).toEqual(["1", "1", "1"]);
      await turns.close();
    });

    test("a holder that leaves hands nothing on, and the next one knows all that is said again", async () => {
      const pool = fresh();
      await worker(pool, 2);
      const first = fairPool({ queue: other, pool, holder: "first", onError });
      await until(() => first.counts() !== undefined);
      const second = joined(pool);
      const turns = session(second);
      for (let at = 0; at < 6; at++) turns.submit(queued("a", { id: `s${at}` }));
      await until(() => turns.granted.length === 3);
      await first[Symbol.asyncDispose]();
      await until(() => second.counts()?.out === 3);
      expect(second.counts()).toEqual({ waiting: 3, out: 3 });
      for (const id of ["s0", "s1", "s2"]) turns.ended(id);
      await until(() => turns.granted.length === 6);
      expect(turns.granted).toEqual(["s0", "s1", "s2", "s3", "s4", "s5"]);
      await turns.close();
    });

    test(
      "a holder that is killed is followed within 10 s, and its worker is forgotten",
      { timeout: 60_000 },
      async () => {
        const pool = fresh();
        const holder = child(backend, "hold-turns", pool);
        expect(await holder.says()).toBe("holding");
        const fair = joined(pool);
        const turns = session(fair);
        for (let at = 0; at < 6; at++) turns.submit(queued("a", { id: `s${at}` }));
        // Its one slot, and one more.
        await until(() => turns.granted.length === 2);
        holder.kill();
        const killed = performance.now();
        turns.ended("s0");
        await until(() => fair.counts() !== undefined);
        expect(performance.now() - killed).toBeLessThan(10_000);
        await until(() => turns.granted.length >= 3);
        await until(() => fair.workers.here.size === 0);
        await worker(pool, 4);
        await until(() => turns.granted.length === 6);
        expect(turns.granted.toSorted()).toEqual(["s0", "s1", "s2", "s3", "s4", "s5"]);
        await turns.close();
      },
    );

    test("what a killed coordinator waited for is nobody's any more", { timeout: 60_000 }, async () => {
      const pool = fresh();
      await worker(pool, 1);
      const fair = joined(pool);
      await until(() => fair.counts() !== undefined);
      const doomed = child(backend, "wait-for-turns", pool);
      expect(await doomed.says()).toBe("granted");
      await until(() => fair.counts()?.waiting === 3);
      const turns = session(fair);
      turns.submit(queued("mine", { id: "mine" }));
      doomed.kill();
      await until(() => turns.granted.length === 1);
      await until(() => fair.counts()?.waiting === 0);
      expect(fair.counts()?.out).toBe(1);
      await turns.close();
    });
  });
}
