import { counts, roomFor, type SpendWrites } from "../scheduling/write-budget.ts";
import type { Table } from "./queue.ts";

interface Moment {
  now(): number;
  random(bytes: number): Uint8Array;
}

/**
 * One budget of an installation for all processes of a service. Every write is an entry of its own, so that two that
 * spend at once count both; what is older than an hour is taken out.
 */
export function spendWrites(table: Table, moment: Moment): SpendWrites {
  return async (installation, writes) => {
    const budget = `writes/${installation}`;
    const at = moment.now();
    const made = (await table.entries(budget)).map(({ key }) => ({ key, at: Number(key.split("-")[0]) }));
    const spent = roomFor(writes, { made: made.filter((one) => counts(one.at, at)).map((one) => one.at), now: at });
    for (const { key, at: then } of made) if (!counts(then, at)) await table.remove(budget, key);
    if (spent.kind === "ok")
      for (let write = 0; write < writes; write++)
        await table.put(budget, `${at}-${Buffer.from(moment.random(8)).toString("hex")}`, null);
    return spent;
  };
}
