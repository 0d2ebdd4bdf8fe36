import { counts, GITHUB_WRITES, roomFor, type SpendWrites, type Spent } from "../scheduling/write-budget.ts";
import type { Table } from "./queue.ts";

interface Moment {
  now(): number;
  random(bytes: number): Uint8Array;
}

/**
 * One budget of an installation for all processes of a service. Every write is an entry of its own, put before the others
 * are counted: of two that spend at once at least one sees the other, and takes its own back where both are too many.
 */
export function spendWrites(table: Table, moment: Moment, limits = GITHUB_WRITES): SpendWrites {
  return async (installation, writes) => {
    const budget = `writes/${installation}`;
    const at = moment.now();
    const room = async (but: ReadonlySet<string>): Promise<Spent> =>
      roomFor(writes, { made: await madeIn(table, { budget, now: at, but }), now: at, limits });
    const before = await room(new Set());
    if (before.kind === "wait") return before;
    const mine = Array.from({ length: writes }, () => `${at}-${Buffer.from(moment.random(8)).toString("hex")}`);
    for (const key of mine) await table.put(budget, key, null);
    const spent = await room(new Set(mine));
    if (spent.kind === "wait") for (const key of mine) await table.remove(budget, key);
    return spent;
  };
}

/** When what still counts was written; all the rest is taken out. */
async function madeIn(
  table: Table,
  { budget, now, but }: { readonly budget: string; readonly now: number; readonly but: ReadonlySet<string> },
): Promise<readonly number[]> {
  const made: number[] = [];
  for (const { key } of await table.entries(budget)) {
    const at = Number(key.split("-")[0]);
    if (!counts(at, now)) await table.remove(budget, key);
    else if (!but.has(key)) made.push(at);
  }
  return made;
}
