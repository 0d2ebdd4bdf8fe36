import { describe, expect, test } from "vitest";

import { inProcessDispatcher } from "../../src/queue/in-process-dispatcher.ts";
import { routedDispatcher } from "../../src/queue/routed-dispatcher.ts";
import { dispatcherContract, type TestJob } from "../contract/dispatcher.ts";

describe("over several", () =>
  dispatcherContract((slots, perform) => {
    const half = (): ReturnType<typeof inProcessDispatcher<TestJob, string>> => inProcessDispatcher(slots / 2, perform);
    const routes = new Map([
      ["a", half()],
      ["b", half()],
    ]);
    return Promise.resolve(
      routedDispatcher(routes, ({ id }) => ({ kind: "to", name: id.length % 2 === 0 ? "a" : "b" })),
    );
  }));

test("what goes nowhere ends at once, also where there is no route at all", async () => {
  const dispatcher = routedDispatcher<TestJob, string>(new Map(), ({ says }) => ({
    kind: "ended",
    end: `not ${says}`,
  }));
  const first = dispatcher.next();
  dispatcher.dispatch({ id: "one", says: "here" });
  expect((await first).end).toEqual({ kind: "ended", value: "not here" });
  expect(dispatcher.slots).toBe(1);
  await dispatcher[Symbol.asyncDispose]();
});
