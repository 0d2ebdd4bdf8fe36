import fc from "fast-check";
import { expect, test } from "vitest";

import { topicFeed, type Unread } from "../../src/queue/topic-feed.ts";

/**
 * A log whose writers commit late: an entry has a number from its beginning, and shows itself later. A place is the
 * smallest number that has not been shown, as the databases give it.
 */
function log(): {
  begin(): number;
  commit(at: number): void;
  read(from: readonly { readonly topic: string; readonly place: string }[]): Promise<readonly Unread[]>;
} {
  const shown: boolean[] = [];
  return {
    begin: () => shown.push(false) - 1,
    commit: (at) => (shown[at] = true),
    read: (from) =>
      Promise.resolve(
        from.map(({ topic, place }) => {
          const oldest = shown.indexOf(false);
          return {
            topic,
            place: String(oldest === -1 ? shown.length : oldest),
            messages: shown.flatMap((there, at) => (there && at >= Number(place) ? [{ id: `${at}`, body: at }] : [])),
          };
        }),
      ),
  };
}

test("in whatever order writers begin and commit, every subscriber is told everything once", async () => {
  const step = fc.record({ what: fc.constantFrom("begin", "commit", "subscribe", "wake", "restart"), at: fc.nat(50) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const entries = log();
      const feed = topicFeed(
        (from) => entries.read(from),
        (error) => {
          throw error;
        },
      );
      const open: number[] = [];
      let committed = 0;
      const takers: string[][] = [];
      for (const { what, at } of steps) {
        if (what === "begin") open.push(entries.begin());
        else if (what === "wake") feed.wake("t");
        else if (what === "restart") feed.restart();
        else if (what === "commit" && open.length > 0) {
          for (const one of open.splice(at % open.length, 1)) entries.commit(one);
          committed++;
        } else if (what === "subscribe") {
          const got: string[] = [];
          takers.push(got);
          await feed.subscribe("t", ({ id }) => got.push(id));
        }
      }
      feed.wake("t");
      // Whoever joins is served by a look that serves all.
      await feed.subscribe("t", () => undefined);
      for (const got of takers) {
        expect(got).toHaveLength(committed);
        expect(new Set(got).size).toBe(committed);
      }
      await feed.close();
    }),
  );
});

test("a reader that fails is told, and asked again", async () => {
  let fails = 2;
  const told: unknown[] = [];
  const feed = topicFeed(
    (from) => {
      if (fails-- > 0) return Promise.reject(new Error("away"));
      return Promise.resolve(from.map(({ topic }) => ({ topic, place: "1", messages: [{ id: "1", body: null }] })));
    },
    (error) => told.push(error),
  );
  const got = new Promise((resolve) => void feed.subscribe("t", ({ id }) => resolve(id)));
  expect(await got).toBe("1");
  expect(told).toHaveLength(2);
  await feed.close();
});
