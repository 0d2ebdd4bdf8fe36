import { describe, expect, onTestFinished, test } from "vitest";

import type { Dispatcher } from "../../src/queue/dispatcher.ts";
import { fairDispatcher } from "../../src/queue/fair-dispatcher.ts";
import type { FairPool } from "../../src/queue/fair-pool.ts";
import { ALONE } from "../../src/queue/flights.ts";
import { inProcessDispatcher } from "../../src/queue/in-process-dispatcher.ts";
import { dispatcherContract, type PerformTest, type TestJob } from "../contract/dispatcher.ts";
import { until } from "../contract/queue.ts";
import { queued } from "../scheduling/simulator.ts";
import { localPool } from "./local-pool.ts";

function fair(pool: Pick<FairPool, "open">, flow: string, perform: PerformTest): Dispatcher<TestJob, string> {
  const dispatcher = fairDispatcher(inProcessDispatcher(4, perform), {
    pool,
    describe: ({ id }) => queued(flow, { id: `${flow} ${id}` }),
    flights: { enter: () => Promise.resolve({ kind: "alone", flight: ALONE }), free: () => Promise.resolve() },
    handed: () => undefined,
    ended: ({ says }) => says === "known",
    cancelled: () => "never began",
  });
  onTestFinished(() => dispatcher[Symbol.asyncDispose]());
  return dispatcher;
}

describe("by fair share", () => {
  dispatcherContract((slots, perform) => {
    const dispatcher = fair(localPool(slots), "a", perform);
    return Promise.resolve({ ...dispatcher, slots });
  });

  test("what had ended before takes no turn, and none is counted for it", async () => {
    const pool = localPool(0);
    const dispatcher = fair(pool, "a", async ({ says }) => says);
    for (const id of ["1", "2", "3"]) dispatcher.dispatch({ id, says: "known" });
    for (const id of ["1", "2", "3"]) expect((await dispatcher.next()).job.id).toBe(id);
    expect(pool.out()).toBe(0);
  });

  test("runs take turns, and a job that is cancelled before its turn never begins", async () => {
    const began: string[] = [];
    const goOn = new Map<string, () => void>();
    const perform: PerformTest = ({ id }, signal) => {
      began.push(id);
      return new Promise((resolve) => {
        goOn.set(id, () => resolve(id));
        signal.addEventListener("abort", () => resolve(id));
      });
    };
    const pool = localPool(1);
    const [many, few] = [fair(pool, "many", perform), fair(pool, "few", perform)];
    for (let at = 0; at < 100; at++) many.dispatch({ id: `m${at}`, says: "" });
    few.dispatch({ id: "f0", says: "" });
    await until(() => began.length === 2);
    expect(began).toEqual(["m0", "m1"]);
    many.cancel("m50");
    expect((await many.next()).end).toEqual({ kind: "ended", value: "never began" });
    goOn.get("m0")?.();
    expect((await many.next()).job.id).toBe("m0");
    await until(() => began.length === 3);
    expect(began).toEqual(["m0", "m1", "f0"]);
    for (const id of ["m1", "f0"]) goOn.get(id)?.();
    expect((await few.next()).job.id).toBe("f0");
    expect((await many.next()).job.id).toBe("m1");
    expect(pool.out()).toBe(2);
  });
});
