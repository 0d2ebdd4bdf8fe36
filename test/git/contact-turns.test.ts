import { expect, test } from "vitest";

import { contactTurns } from "../../src/git/contact-turns.ts";

test("work that throws before it gives a promise fails alone, and the next has its turn", async () => {
  const turns = contactTurns<string>();

  const failed = turns.write((): Promise<string> => {
    throw new Error("no remote");
  });
  const asked = turns.ask("heads", () => Promise.resolve("main"));

  await expect(failed).rejects.toThrow("no remote");
  expect(await asked).toBe("main");
  expect(await turns.write(() => Promise.resolve("pushed"))).toBe("pushed");
});

test("a question has its turn between writes, however many come", async () => {
  const turns = contactTurns<number>();
  let writes = 0;
  const publish = async (): Promise<void> => {
    // The next one waits before this one is done.
    if (++writes < 20) void turns.write(publish);
  };

  const first = turns.write(publish);
  const asked = await turns.ask("heads", () => Promise.resolve(writes));

  await first;
  expect(asked).toBe(1);
});
