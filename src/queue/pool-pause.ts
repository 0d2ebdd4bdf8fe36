import type { Table } from "./queue.ts";

const PAUSED = "paused";

/** Nothing new of a pool is given out until `unpausePool`; `since` is RFC 3339 UTC. */
export async function pausePool(table: Table, pool: string, since: string): Promise<void> {
  if ((await pausedSince(table, pool)) === undefined) await table.put(PAUSED, pool, since);
}

/** False when it was not paused. */
export function unpausePool(table: Table, pool: string): Promise<boolean> {
  return table.remove(PAUSED, pool);
}

/** Since when nothing new is given out; undefined while it is. */
export async function pausedSince(table: Table, pool: string): Promise<string | undefined> {
  const since = await table.get(PAUSED, pool);
  return typeof since === "string" ? since : undefined;
}
