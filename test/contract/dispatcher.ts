import { describe, expect, onTestFinished, test } from "vitest";

import type { Dispatcher } from "../../src/queue/dispatcher.ts";
import { until } from "./queue.ts";

export interface TestJob {
  readonly id: string;
  readonly says: string;
}

export type PerformTest = (job: TestJob, signal: AbortSignal) => Promise<string>;

/** What every dispatcher does; `open` gives one whose jobs are performed by the function. */
export function dispatcherContract(
  open: (slots: number, perform: PerformTest) => Promise<Dispatcher<TestJob, string>>,
): void {
  async function opened(slots: number, perform: PerformTest): Promise<Dispatcher<TestJob, string>> {
    const dispatcher = await open(slots, perform);
    onTestFinished(() => dispatcher[Symbol.asyncDispose]());
    return dispatcher;
  }

  describe("a dispatcher", () => {
    test("tells its slots, and the end of every job exactly once, with the job", async () => {
      const dispatcher = await opened(4, async ({ says }) => `${says}!`);
      expect(dispatcher.slots).toBe(4);
      const jobs = Array.from({ length: 40 }, (_, at) => ({ id: `all-${at}`, says: `ünï ${at}` }));
      const first = dispatcher.next();
      for (const job of jobs) dispatcher.dispatch(job);
      const ends = [await first];
      while (ends.length < jobs.length) ends.push(await dispatcher.next());
      expect(ends.map(({ job }) => job.id).toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
      for (const { job, end } of ends) expect(end).toEqual({ kind: "ended", value: `${job.says}!` });
    });

    test("tells a performer that threw as broken, with its words", async () => {
      const dispatcher = await opened(2, async ({ says }) => {
        if (says === "no") throw new Error("it broke");
        return says;
      });
      dispatcher.dispatch({ id: "broken-1", says: "no" });
      const { job, end } = await dispatcher.next();
      expect(job.id).toBe("broken-1");
      expect(end.kind === "broken" && String(end.error)).toContain("it broke");
      dispatcher.dispatch({ id: "broken-2", says: "yes" });
      expect((await dispatcher.next()).end).toEqual({ kind: "ended", value: "yes" });
    });

    test("a job that is asked to stop is told, and still ends; the others go on", async () => {
      const started = new Set<string>();
      const dispatcher = await opened(2, ({ id, says }, signal) => {
        started.add(id);
        if (says === "short") return Promise.resolve(says);
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve("stopped")));
      });
      dispatcher.dispatch({ id: "stop-1", says: "long" });
      await until(() => started.has("stop-1"));
      dispatcher.dispatch({ id: "stop-2", says: "short" });
      expect((await dispatcher.next()).job.id).toBe("stop-2");
      dispatcher.cancel("stop-1");
      dispatcher.cancel("nobody");
      const { job, end } = await dispatcher.next();
      expect([job.id, end]).toEqual(["stop-1", { kind: "ended", value: "stopped" }]);
    });
  });
}
