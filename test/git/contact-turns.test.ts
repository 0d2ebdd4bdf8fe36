import { expect, test } from "vitest";

import { contactTurns } from "../../src/git/contact-turns.ts";

test("work that throws before it gives a promise fails alone, and the next has its turn", async () => {
  const turns = contactTurns<string>();

  const failed = turns.write((): Promise<string> => {
    throw new Error("no remote");
  });
  const asked = turns.ask(["heads"], () => Promise.resolve("main"));

  await expect(failed).rejects.toThrow("no remote");
  expect(await asked).toEqual({ words: ["heads"], answer: "main" });
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
  const asked = await turns.ask(["heads"], () => Promise.resolve(writes));

  await first;
  expect(asked.answer).toBe(1);
});

test("all who wait are asked for at once, whoever comes later anew, and who asks alone for nobody else", async () => {
  const turns = contactTurns<string>();
  const begun: (readonly string[])[] = [];
  const work = async (words: readonly string[]): Promise<string> => {
    begun.push(words);
    // Somebody comes while these are asked.
    if (begun.length === 1) late = turns.ask(["tags"], work);
    return words.join("+");
  };
  let late: Promise<unknown> = Promise.reject(new Error("nobody came"));
  late.catch(() => undefined);

  const asked = [turns.ask(["main"], work), turns.ask(["main", "runs"], work)];
  const alone = turns.alone(() => work(["odd"]));
  asked.push(turns.ask(["ledger"], work));

  const all = ["main", "runs", "ledger"];
  for (const one of asked) expect(await one).toEqual({ words: all, answer: "main+runs+ledger" });
  expect(await alone).toBe("odd");
  expect(await late).toEqual({ words: ["tags"], answer: "tags" });
  expect(begun).toEqual([all, ["odd"], ["tags"]]);
});
