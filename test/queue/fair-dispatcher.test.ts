import { describe, expect, onTestFinished, test } from "vitest";

import type { Dispatcher } from "../../src/queue/dispatcher.ts";
import { fairDispatcher } from "../../src/queue/fair-dispatcher.ts";
import type { FairPool } from "../../src/queue/fair-pool.ts";
import { inProcessDispatcher } from "../../src/queue/in-process-dispatcher.ts";
import { poolBacklog } from "../../src/queue/pool-backlog.ts";
import { dispatcherContract, type PerformTest, type TestJob } from "../contract/dispatcher.ts";
import { until } from "../contract/queue.ts";
import { queued } from "../scheduling/simulator.ts";

const NOTHING = { submit: [], running: [], withdraw: [], ended: [] };

/** A backlog in this process, with so many slots. */
function localPool(slots: number): Pick<FairPool, "open"> & { readonly out: () => number } {
  const grants = new Map<string, (id: string) => void>();
  const backlog = poolBacklog((session, id) => grants.get(session)?.(id));
  backlog.resize({ slots, room: { cpu: 0, memoryBytes: 0, gpus: 0 } });
  return {
    out: () => backlog.out,
    open(grant) {
      const session = String(grants.size);
      grants.set(session, grant);
      return {
        submit: (step) => backlog.take(session, { ...NOTHING, submit: [step] }, 0),
        withdraw: (id) => backlog.take(session, { ...NOTHING, withdraw: [id] }, 0),
        ended: (id) => backlog.take(session, { ...NOTHING, ended: [id] }, 0),
        close: () => Promise.resolve(backlog.close(session)),
      };
    },
  };
}

function fair(pool: Pick<FairPool, "open">, flow: string, perform: PerformTest): Dispatcher<TestJob, string> {
  const dispatcher = fairDispatcher(inProcessDispatcher(4, perform), {
    pool,
    describe: ({ id }) => queued(flow, { id: `${flow} ${id}` }),
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
