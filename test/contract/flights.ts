import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import type { Dispatcher } from "../../src/queue/dispatcher.ts";
import { fairDispatcher } from "../../src/queue/fair-dispatcher.ts";
import { flights } from "../../src/queue/flights.ts";
import { inProcessDispatcher } from "../../src/queue/in-process-dispatcher.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { localPool } from "../queue/local-pool.ts";
import { queued } from "../scheduling/simulator.ts";
import { child } from "./queue-processes.ts";
import { openedQueue, until, type Backend } from "./queue.ts";

interface KeyedJob {
  readonly id: string;
  readonly key: string | undefined;
}

interface Bench {
  /** A run's dispatcher, as another controller has it. */
  readonly run: (name: string) => Dispatcher<KeyedJob, string>;
  /** What was computed, in order: run and job. */
  readonly computed: string[];
  /** Lets what is computed end, with a result or without. */
  readonly finish: (what: string) => void;
  readonly fail: (what: string) => void;
  /** Slots that are taken. */
  readonly out: () => number;
}

/** Runs that need the same key compute it once, over the leases of a queue. */
export function flightsContract(start: () => Promise<Backend>): void {
  let backend: Backend;
  let queues: readonly Queue[];
  beforeAll(async () => {
    backend = await start();
    queues = [await openedQueue(backend), await openedQueue(backend)];
  });
  afterAll(async () => {
    for (const queue of queues) await queue[Symbol.asyncDispose]();
    await backend.stop();
  });

  function bench(): Bench {
    const results = new Map<string, string>();
    const computed: string[] = [];
    const running = new Map<string, (good: boolean) => void>();
    const pool = localPool(4);
    const run = (name: string, at: number): Dispatcher<KeyedJob, string> => {
      const under = new Set<string>();
      const inner = inProcessDispatcher<KeyedJob, string>(4, ({ id, key }, signal) => {
        const what = `${name} ${id}`;
        computed.push(what);
        under.add(id);
        return new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve("stopped"));
          running.set(what, (good) => {
            if (good && key !== undefined) results.set(key, what);
            under.delete(id);
            resolve(good ? what : "failed");
          });
        });
      });
      const queue = queues[at % queues.length];
      if (queue === undefined) throw new Error("no queue");
      const dispatcher = fairDispatcher(inner, {
        pool,
        describe: ({ id }) => queued(name, { id: `${name} ${id}` }),
        flights: flights<KeyedJob, string>({
          leases: queue.leases,
          holder: name,
          nameOf: ({ key }) => key,
          found: ({ key }) => Promise.resolve(results.get(key ?? "")),
          onError: () => undefined,
        }),
        ended: () => false,
        handed: ({ id }) => (under.has(id) ? () => Promise.resolve(!under.has(id)) : undefined),
        cancelled: () => "cancelled",
      });
      onTestFinished(() => dispatcher[Symbol.asyncDispose]());
      return dispatcher;
    };
    let runs = 0;
    return {
      run: (name) => run(name, runs++),
      computed,
      finish: (what) => running.get(what)?.(true),
      fail: (what) => running.get(what)?.(false),
      out: pool.out,
    };
  }

  describe("runs that need the same key", () => {
    test("compute it once; those that wait hold no slot", async () => {
      const key = randomUUID();
      const { run, computed, finish, out } = bench();
      const [a, b] = [run("a"), run("b")];
      a.dispatch({ id: "1", key });
      await until(() => computed.length === 1);
      b.dispatch({ id: "1", key });
      b.dispatch({ id: "own", key: undefined });
      await until(() => computed.length === 2);
      await until(() => out() === 2);
      finish("b own");
      expect((await b.next()).job.id).toBe("own");
      finish("a 1");
      expect((await a.next()).end).toEqual({ kind: "ended", value: "a 1" });
      expect((await b.next()).end).toEqual({ kind: "ended", value: "a 1" });
      expect(computed).toEqual(["a 1", "b own"]);
      expect(out()).toBe(0);
    });

    test("and are cancelled: what is under way goes on for the others, and the others are not cancelled", async () => {
      const key = randomUUID();
      const { run, computed, finish, out } = bench();
      const [a, b, c] = [run("a"), run("b"), run("c")];
      a.dispatch({ id: "1", key });
      await until(() => computed.length === 1);
      for (const other of [b, c]) other.dispatch({ id: "1", key });
      await waited(key);
      c.cancel("1");
      expect((await c.next()).end).toEqual({ kind: "ended", value: "cancelled" });
      await waited(key);
      a.cancel("1");
      expect((await a.next()).end).toEqual({ kind: "ended", value: "cancelled" });
      await until(() => out() === 0);
      finish("a 1");
      expect((await b.next()).end).toEqual({ kind: "ended", value: "a 1" });
      expect(computed).toEqual(["a 1"]);
    });

    test("and are cancelled with nobody waiting: it is stopped", async () => {
      const { run, computed } = bench();
      const a = run("a");
      a.dispatch({ id: "1", key: randomUUID() });
      await until(() => computed.length === 1);
      a.cancel("1");
      expect((await a.next()).end).toEqual({ kind: "ended", value: "stopped" });
    });

    test("take it up when the one that was at it failed, or was killed", async () => {
      const key = randomUUID();
      const { run, computed, fail, finish } = bench();
      const [a, b] = [run("a"), run("b")];
      a.dispatch({ id: "1", key });
      await until(() => computed.length === 1);
      b.dispatch({ id: "1", key });
      await waited(key);
      fail("a 1");
      expect((await a.next()).end).toEqual({ kind: "ended", value: "failed" });
      await until(() => computed.length === 2);
      finish("b 1");
      expect((await b.next()).end).toEqual({ kind: "ended", value: "b 1" });

      const other = randomUUID();
      const holder = child(backend, "hold-lease", `flight.${other}`);
      expect(await holder.says()).toMatch(/^fence \d/);
      b.dispatch({ id: "2", key: other });
      await waited(other);
      holder.kill();
      await until(() => computed.length === 3);
      finish("b 2");
      expect((await b.next()).end).toEqual({ kind: "ended", value: "b 2" });
    });
  });

  function waited(key: string): Promise<void> {
    return until(async () => (await queues[0]?.leases.holder(`waits.${key}`)) !== undefined);
  }
}
