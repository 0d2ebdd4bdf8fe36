import { expect, onTestFinished, test } from "vitest";

import { watchLocks, type WatchedLocks } from "../../src/queue/watch-locks.ts";

function watched(): { readonly locks: WatchedLocks; readonly lost: Promise<string> } {
  let told: (id: string) => void = () => undefined;
  const lost = new Promise<string>((resolve) => (told = resolve));
  const locks = watchLocks(100, (id) => told(id));
  onTestFinished(() => locks.close());
  return { locks, lost };
}

test("a lock that nobody renews is lost, one that is renewed or given back is not", async () => {
  const { locks, lost } = watched();
  locks.begin("renewed");
  locks.begin("given back");
  locks.end("given back");
  const renewing = setInterval(() => locks.renewed(["renewed", "unknown"]), 5);
  onTestFinished(() => clearInterval(renewing));
  // Later than the others, and lost before any of them.
  locks.begin("forgotten");

  expect(await lost).toBe("forgotten");
});

test("a process that stood still has not lost what it renews first", async () => {
  const { locks, lost } = watched();
  locks.begin("stalled");
  const until = performance.now() + 300;
  while (performance.now() < until);
  locks.renewed(["stalled"]);
  locks.begin("forgotten");
  const renewing = setInterval(() => locks.renewed(["stalled"]), 5);
  onTestFinished(() => clearInterval(renewing));

  expect(await lost).toBe("forgotten");
});
