import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import type { Json } from "../../src/identity/canonical-json.ts";
import { openQueue } from "../../src/queue/open-queue.ts";
import type { Jobs, Leases, Performed, Queue, TakenJob } from "../../src/queue/queue.ts";
import { child } from "./queue-processes.ts";

/** A backend to hold to the contract, alone for one test file. */
export interface Backend {
  readonly url: string;
  /** The data directory. */
  readonly data: string;
  /** Breaks every connection, as a network does. */
  cut(): Promise<void>;
  stop(): Promise<void>;
}

export async function openedQueue({ url, data }: Pick<Backend, "url" | "data">): Promise<Queue> {
  const opened = await openQueue(url, { data, holder: "test", onError: () => undefined });
  if (opened.kind === "refused") throw new Error(opened.expected);
  return opened.queue;
}

/** Waits for a fact of the world. */
export async function until(fact: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await fact())) {
    if (performance.now() > end) throw new Error(`it did not come true within ${withinMs} ms: ${fact.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Repeats what fails while a connection is being made again. */
async function untilDone(act: () => Promise<void>): Promise<void> {
  await until(async () => {
    try {
      await act();
      return true;
    } catch {
      return false;
    }
  });
}

const DONE: Performed = { kind: "done" };

export function queueContract(start: () => Promise<Backend>): void {
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

  const fresh = (): string => `t-${randomUUID()}`;

  /** Performs jobs of a queue until the test is over. */
  async function performing(
    name: string,
    perform: (job: TakenJob, signal: AbortSignal) => Performed | Promise<Performed>,
    options: Partial<Parameters<Jobs["consume"]>[1]> & { readonly by?: Queue } = {},
  ): Promise<void> {
    const { by = queue, ...rest } = options;
    const consumer = await by.jobs.consume(name, {
      concurrency: 1,
      onError: () => undefined,
      ...rest,
      perform: async (job, signal) => perform(job, signal),
    });
    onTestFinished(() => consumer.close());
  }

  describe("jobs", () => {
    test("are performed with what they carry, whoever adds them, and nothing of them is left", async () => {
      const name = fresh();
      const payloads: readonly Json[] = [null, 0, "ünï\u0000\u{1f600}", [1, [2]], { a: { b: [true] }, "": "" }];
      const performed = new Map<string, Json>();
      await other.jobs.add(
        name,
        payloads.map((payload, at) => ({ id: `job-${at}`, payload })),
      );
      await performing(name, (job) => {
        performed.set(job.id, job.payload);
        return DONE;
      });
      await until(() => performed.size === payloads.length);
      expect([...performed].toSorted().map(([, payload]) => payload)).toEqual(payloads);
      const none = { waiting: 0, active: 0, delayed: 0 };
      await until(async () => JSON.stringify(await queue.jobs.counts(name)) === JSON.stringify(none));
    });

    test("wait once per id; one that was added while it runs is performed once more", async () => {
      const name = fresh();
      await Promise.all([queue, other, queue].map(({ jobs }) => jobs.add(name, [{ id: "same", payload: "first" }])));
      await queue.jobs.add(name, [{ id: "same", payload: "second" }]);
      expect((await queue.jobs.counts(name)).waiting).toBe(1);
      const seen: Json[] = [];
      let goOn: (() => void) | undefined;
      await performing(name, async (job) => {
        seen.push(job.payload);
        if (seen.length === 1) await new Promise<void>((resolve) => (goOn = resolve));
        return DONE;
      });
      await until(() => goOn !== undefined);
      await other.jobs.add(name, [{ id: "same", payload: "while it runs" }]);
      goOn?.();
      await until(() => seen.length === 2);
      expect(seen).toEqual(["first", "while it runs"]);
      await until(async () => (await queue.jobs.counts(name)).active === 0);
      await queue.jobs.add(name, [{ id: "same", payload: "after its end" }]);
      await until(() => seen.length === 3);
    });

    test("one that is to run once is left as it is while it waits and while it runs", async () => {
      const name = fresh();
      const seen: Json[] = [];
      let goOn: (() => void) | undefined;
      await performing(name, async (job) => {
        seen.push(job.payload);
        if (job.id === "once") await new Promise<void>((resolve) => (goOn = resolve));
        return DONE;
      });
      await queue.jobs.add(name, [{ id: "once", payload: 1, once: true }]);
      await until(() => goOn !== undefined);
      await other.jobs.add(name, [{ id: "once", payload: 2, once: true }]);
      goOn?.();
      await queue.jobs.add(name, [{ id: "last", payload: 3, priority: 2000 }]);
      await until(() => seen.includes(3));
      expect(seen).toEqual([1, 3]);
    });

    test("a wake-up is never lost, however it meets the end of the one before", async () => {
      const name = fresh();
      let version = 0;
      let seen = 0;
      await performing(name, () => {
        seen = version;
        return DONE;
      });
      for (let round = 1; round <= 60; round++) {
        version = round;
        const by = round % 2 === 0 ? queue : other;
        await by.jobs.add(name, [{ id: "wake", payload: null }]);
        await until(() => seen >= round, 5000);
      }
      expect(seen).toBe(60);
    });

    test("lower priorities come first, equal ones in order", async () => {
      const name = fresh();
      await queue.jobs.add(name, [
        { id: "c1", payload: null },
        { id: "d", payload: null, priority: 2000 },
        { id: "c2", payload: null },
        { id: "a", payload: null, priority: 1 },
        { id: "b", payload: null, priority: 50 },
      ]);
      const order: string[] = [];
      await performing(name, (job) => {
        order.push(job.id);
        return DONE;
      });
      await until(() => order.length === 5);
      expect(order).toEqual(["a", "b", "c1", "c2", "d"]);
    });

    test("delayed ones wait, and so do those to be performed again", async () => {
      const name = fresh();
      const began = performance.now();
      await queue.jobs.add(name, [{ id: "later", payload: null, delayMs: 400 }]);
      expect((await queue.jobs.counts(name)).delayed).toBe(1);
      const at: number[] = [];
      await performing(name, () => {
        at.push(performance.now() - began);
        return at.length < 3 ? { kind: "again", afterMs: 200 } : DONE;
      });
      await until(() => at.length === 3);
      const [first = 0, second = 0, third = 0] = at;
      expect(first).toBeGreaterThanOrEqual(395);
      expect(second - first).toBeGreaterThanOrEqual(195);
      expect(third - second).toBeGreaterThanOrEqual(195);
      expect(third).toBeLessThan(5000);
    });

    test("one that waits to be performed again is woken by whoever adds it, before and while it says so", async () => {
      const name = fresh();
      let seen = 0;
      let goOn: (() => void) | undefined;
      await performing(name, async ({ id }) => {
        if (id === "another") return DONE;
        seen++;
        if (seen === 2) await new Promise<void>((resolve) => (goOn = resolve));
        return seen < 4 ? { kind: "again", afterMs: 600_000 } : DONE;
      });
      await queue.jobs.add(name, [{ id: "same", payload: null }]);
      await until(async () => (await queue.jobs.counts(name)).delayed === 1);
      await other.jobs.add(name, [{ id: "same", payload: null }]);
      await until(() => goOn !== undefined);
      await queue.jobs.add(name, [{ id: "same", payload: null }]);
      goOn?.();
      await until(() => seen === 3);
      await until(async () => (await queue.jobs.counts(name)).delayed === 1);
      await other.jobs.add(name, [
        { id: "same", payload: null },
        { id: "another", payload: null },
      ]);
      await until(() => seen >= 4);
      const none = { waiting: 0, active: 0, delayed: 0 };
      await until(async () => JSON.stringify(await queue.jobs.counts(name)) === JSON.stringify(none));
      // What was added while it ran may be performed of its own as well.
      expect([4, 5]).toContain(seen);
    });

    test("one that throws is told and performed again", async () => {
      const name = fresh();
      const told: unknown[] = [];
      let times = 0;
      await performing(
        name,
        () => {
          if (++times < 3) throw new Error(`no ${times}`);
          return DONE;
        },
        { onError: (job, error) => told.push([job.id, String(error)]) },
      );
      await queue.jobs.add(name, [{ id: "stumbles", payload: null }]);
      await until(() => times === 3);
      expect(told).toEqual([
        ["stumbles", "Error: no 1"],
        ["stumbles", "Error: no 2"],
      ]);
    });

    test.each([{}, { once: true } as const])(
      "as many at once as asked for, and a waiting one can be removed: %j",
      async (how) => {
        const name = fresh();
        const under = new Set<string>();
        let goOn: (() => void) | undefined;
        const gate = new Promise<void>((resolve) => (goOn = resolve));
        expect(await queue.jobs.remove(name, "1")).toBe(false);
        const ended: string[] = [];
        await performing(
          name,
          async (job) => {
            under.add(job.id);
            await gate;
            ended.push(job.id);
            return DONE;
          },
          { concurrency: 3 },
        );
        await queue.jobs.add(
          name,
          ["1", "2", "3", "4", "5"].map((id) => ({ id, payload: null, ...how })),
        );
        await until(() => under.size === 3);
        expect(await queue.jobs.counts(name)).toEqual({ waiting: 2, active: 3, delayed: 0 });
        const waiting = ["1", "2", "3", "4", "5"].find((id) => !under.has(id)) ?? "";
        const [running = ""] = under;
        expect(await other.jobs.remove(name, waiting)).toBe(true);
        expect(await other.jobs.remove(name, waiting)).toBe(false);
        expect(await other.jobs.remove(name, running)).toBe(false);
        goOn?.();
        await until(() => ended.length === 4);
        expect(ended).not.toContain(waiting);
        await until(async () => (await queue.jobs.counts(name)).active === 0);
        expect(await queue.jobs.remove(name, running)).toBe(false);
        await queue.jobs.add(name, [{ id: "6", payload: null, delayMs: 60_000, ...how }]);
        expect(await queue.jobs.remove(name, "6")).toBe(true);
        expect(await queue.jobs.counts(name)).toEqual({ waiting: 0, active: 0, delayed: 0 });
      },
    );

    test("of a killed process are performed again within seconds", async () => {
      const name = fresh();
      const holder = child(backend, "hold-job", name);
      await queue.jobs.add(name, [{ id: "orphan", payload: 7 }]);
      expect(await holder.says()).toBe("performing orphan");
      const performed: [Json, number][] = [];
      await performing(name, (job) => {
        performed.push([job.payload, job.lost]);
        return DONE;
      });
      await queue.jobs.add(name, [{ id: "neighbour", payload: 8 }]);
      await until(() => performed.length > 0);
      holder.kill();
      await until(() => performed.length > 1, 12_000);
      expect(performed).toEqual([
        [8, 0],
        [7, 1],
      ]);
    });

    test("closing waits for what runs; by force, the job is told and given to somebody else", async () => {
      const name = fresh();
      let took = 0;
      let aborted = false;
      const consumer = await other.jobs.consume(name, {
        concurrency: 1,
        onError: () => undefined,
        perform: (_job, signal) =>
          new Promise((resolve) => {
            took++;
            signal.addEventListener("abort", () => {
              aborted = true;
              resolve({ kind: "again", afterMs: 0 });
            });
          }),
      });
      await queue.jobs.add(name, [{ id: "long", payload: null }]);
      await until(() => took === 1);
      await consumer.close({ force: true });
      expect(aborted).toBe(true);
      let again = 0;
      await performing(name, () => {
        again++;
        return DONE;
      });
      await until(() => again === 1, 12_000);
    });

    test("come every so often, once per slot, whoever asks for it", async () => {
      const name = fresh();
      const at: number[] = [];
      for (const { jobs } of [queue, other]) await jobs.every(name, { id: "tick", payload: "t" }, 400);
      for (const by of [queue, other]) {
        await performing(
          name,
          (job) => {
            expect(job).toMatchObject({ id: "tick", payload: "t" });
            at.push(performance.now());
            return DONE;
          },
          { by },
        );
      }
      await until(() => at.length >= 5);
      const span = (at[4] ?? 0) - (at[0] ?? 0);
      expect(span).toBeGreaterThan(1000);
      expect(span).toBeLessThan(6000);
    });
  });

  describe("leases", () => {
    test("many at once, in whatever order, by several who take and give back: each is held by one", async () => {
      const names = Array.from({ length: 40 }, fresh);
      const held = new Set<string>();
      let granted = 0;
      const take = async (leases: Leases, name: string): Promise<void> => {
        const lease = await leases.acquire(name, { ttlMs: 30_000, holder: "one of many" });
        if (lease === undefined) return;
        expect(held.has(name)).toBe(false);
        held.add(name);
        granted++;
        await Promise.resolve();
        held.delete(name);
        await lease.release();
      };
      for (let round = 0; round < 10; round++) {
        await Promise.all([
          ...names.map((name) => take(queue.leases, name)),
          ...names.toReversed().map((name) => take(other.leases, name)),
        ]);
      }
      expect(granted).toBeGreaterThanOrEqual(400);
      for (const name of names) expect(await queue.leases.holder(name)).toBeUndefined();
    });

    test("have one holder, and the fence rises", async () => {
      const name = fresh();
      const asked = await Promise.all(
        [queue, other, queue, other].map(({ leases }, at) => leases.acquire(name, { ttlMs: 5000, holder: `h${at}` })),
      );
      const granted = asked.filter((lease) => lease !== undefined);
      expect(granted).toHaveLength(1);
      const [first] = granted;
      const holder = `h${asked.findIndex((lease) => lease !== undefined)}`;
      expect(await other.leases.holder(name)).toEqual({ holder, fence: first?.fence });
      await first?.release();
      expect(await queue.leases.holder(name)).toBeUndefined();
      let fence = first?.fence ?? 0;
      for (let round = 0; round < 10; round++) {
        const next = await (round % 2 === 0 ? queue : other).leases.acquire(name, { ttlMs: 5000, holder: "next" });
        expect(next?.fence).toBeGreaterThan(fence);
        expect(Number.isSafeInteger(next?.fence)).toBe(true);
        fence = next?.fence ?? 0;
        await next?.release();
      }
      expect(first?.lost.aborted).toBe(false);
    });

    test("are renewed for as long as they are held", async () => {
      const name = fresh();
      const lease = await queue.leases.acquire(name, { ttlMs: 300, holder: "me" });
      const end = performance.now() + 1200;
      while (performance.now() < end) {
        expect(await other.leases.acquire(name, { ttlMs: 300, holder: "you" })).toBeUndefined();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(lease?.lost.aborted).toBe(false);
      await lease?.release();
    });

    test("are lost when nothing could be renewed, and say so before somebody else may hold them", async () => {
      const name = fresh();
      const dying = await openedQueue(backend);
      const lease = await dying.leases.acquire(name, { ttlMs: 500, holder: "me" });
      await dying[Symbol.asyncDispose]();
      let lostAt = 0;
      lease?.lost.addEventListener("abort", () => (lostAt = performance.now()));
      let taken: Awaited<ReturnType<Queue["leases"]["acquire"]>>;
      await until(async () => {
        taken = await queue.leases.acquire(name, { ttlMs: 500, holder: "you" });
        return taken !== undefined;
      });
      await until(() => lostAt > 0);
      expect(taken?.fence).toBeGreaterThan(lease?.fence ?? 0);
      await taken?.release();
    });

    test("of a killed process are free after their time to live", async () => {
      const name = fresh();
      const holder = child(backend, "hold-lease", name);
      const said: unknown = await holder.says();
      const fence = Number(String(said).replace("fence ", ""));
      expect(fence).toBeGreaterThan(0);
      expect(await queue.leases.acquire(name, { ttlMs: 1000, holder: "me" })).toBeUndefined();
      holder.kill();
      const killed = performance.now();
      let lease: Awaited<ReturnType<Queue["leases"]["acquire"]>>;
      await until(async () => {
        lease = await queue.leases.acquire(name, { ttlMs: 1000, holder: "me" });
        return lease !== undefined;
      });
      expect(performance.now() - killed).toBeLessThan(3000);
      expect(lease?.fence).toBeGreaterThan(fence);
      await lease?.release();
    });
  });

  describe("bus", () => {
    test("loses nothing and repeats nothing: four processes publish 2,000, subscribers join when they like", async () => {
      const topic = fresh();
      const takers: { readonly ids: string[]; readonly subscription: { close(): Promise<void> } }[] = [];
      const join = async (by: Queue): Promise<void> => {
        const ids: string[] = [];
        takers.push({ ids, subscription: await by.bus.subscribe(topic, ({ id }) => ids.push(id)) });
      };
      await join(queue);
      const publishers = ["", "", "", ""].map(() => child(backend, "publish", topic));
      const published = Promise.all(publishers.map((publisher) => publisher.says()));
      await until(() => (takers[0]?.ids.length ?? 0) > 200);
      await join(other);
      await until(() => (takers[0]?.ids.length ?? 0) > 1200);
      await join(queue);
      await published;
      await join(other);
      await until(() => takers.every(({ ids }) => ids.length >= 2000));
      for (const { ids, subscription } of takers) {
        expect(ids).toHaveLength(2000);
        expect(new Set(ids).size).toBe(2000);
        await subscription.close();
      }
    });

    test("tells old messages first and new ones at once, with what they carry; the first of an id counts", async () => {
      const topic = fresh();
      const body = { a: "ünï\u0000", "\u{1f600}": [1.5, null, {}] };
      await queue.bus.publish(topic, [
        { id: "1", body },
        { id: "2", body: null },
        { id: "1", body: "changed" },
      ]);
      expect(await Promise.all(["1", "2", "3"].map((id) => other.bus.has(topic, id)))).toEqual([true, true, false]);
      expect(await other.bus.has(`${topic}-other`, "1")).toBe(false);
      const got: { readonly id: string; readonly body: Json }[] = [];
      const subscription = await other.bus.subscribe(topic, (message) => got.push(message));
      expect(got).toEqual([
        { id: "1", body },
        { id: "2", body: null },
      ]);
      const began = performance.now();
      await queue.bus.publish(topic, [{ id: "3", body: 3 }]);
      await until(() => got.length === 3);
      expect(performance.now() - began).toBeLessThan(900);
      await subscription.close();
      await queue.bus.publish(topic, [{ id: "4", body: 4 }]);
      await queue.bus.publish(`${topic}-other`, [{ id: "5", body: 5 }]);
      const rest: string[] = [];
      const second = await queue.bus.subscribe(topic, ({ id }) => rest.push(id));
      expect(rest).toEqual(["1", "2", "3", "4"]);
      expect(got).toHaveLength(3);
      await second.close();
      await other.bus.drop(topic);
      expect(await queue.bus.has(topic, "1")).toBe(false);
      const none: string[] = [];
      const third = await queue.bus.subscribe(topic, ({ id }) => none.push(id));
      expect(none).toEqual([]);
      await third.close();
    });

    test("a taker that throws misses nothing else", async () => {
      const topic = fresh();
      const got: string[] = [];
      const subscription = await queue.bus.subscribe(topic, ({ id }) => {
        got.push(id);
        if (id === "1") throw new Error("no");
      });
      await other.bus.publish(
        topic,
        ["1", "2", "3"].map((id) => ({ id, body: null })),
      );
      await until(() => got.length === 3);
      expect(got).toEqual(["1", "2", "3"]);
      await subscription.close();
    });
  });

  test("connections that break are made again, and nothing is missed", async () => {
    const name = fresh();
    const performed: string[] = [];
    await performing(name, (job) => {
      performed.push(job.id);
      return DONE;
    });
    const got: string[] = [];
    const subscription = await queue.bus.subscribe(name, ({ id }) => got.push(id));
    const lease = await queue.leases.acquire(name, { ttlMs: 3000, holder: "me" });
    for (let round = 0; round < 3; round++) {
      await backend.cut();
      await untilDone(() => other.bus.publish(name, [{ id: `m${round}`, body: null }]));
      await untilDone(() => other.jobs.add(name, [{ id: `j${round}`, payload: null }]));
    }
    await until(() => got.length === 3 && new Set(performed).size === 3);
    expect(got).toEqual(["m0", "m1", "m2"]);
    expect(lease?.lost.aborted).toBe(false);
    await lease?.release();
    await subscription.close();
  });

  describe("table", () => {
    test("keeps the newest value of a key, sorted by key", async () => {
      const table = fresh();
      const keys = ["b", "a", "\u{1f600}", "\uff5e", "", "a b", "A"];
      for (const key of keys) {
        await queue.table.put(table, key, "old");
        await other.table.put(table, key, { key, n: [1, null, "ü\u0000"] });
      }
      expect(await queue.table.entries(table)).toEqual(
        ["", "A", "a", "a b", "b", "\uff5e", "\u{1f600}"].map((key) => ({
          key,
          value: { key, n: [1, null, "ü\u0000"] },
        })),
      );
      expect(await other.table.get(table, "A")).toEqual({ key: "A", n: [1, null, "ü\u0000"] });
      expect(await other.table.get(table, "missing")).toBeUndefined();
      expect(await other.table.get(`${table}-other`, "A")).toBeUndefined();
    });

    test("removes a key, on demand only while its value is the one that was read", async () => {
      const table = fresh();
      await queue.table.put(table, "k", { a: 1, b: 2 });
      expect(await other.table.remove(table, "k", { a: 1, b: 3 })).toBe(false);
      expect(await other.table.remove(table, "k", { b: 2, a: 1 })).toBe(true);
      expect(await other.table.remove(table, "k")).toBe(false);
      await queue.table.put(table, "k", null);
      expect(await other.table.get(table, "k")).toBeNull();
      expect(await other.table.remove(table, "k", 0)).toBe(false);
      expect(await other.table.remove(table, "k", null)).toBe(true);
      await queue.table.put(table, "k", 1);
      expect(await other.table.remove(table, "k")).toBe(true);
      expect(await queue.table.entries(table)).toEqual([]);
    });
  });
}
