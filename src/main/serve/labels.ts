import { z } from "zod";

import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import type { Json } from "../../identity/canonical-json.ts";
import type { RepositoryRef } from "../../identity/repository.ts";

/** A forge that was not asked before, or whose answers were forgotten, is asked for so long back. */
const BACK_MS = 7 * 86_400_000;
/** Clocks differ, and a label may show late. */
const MARGIN_MS = 5 * 60_000;

/** Changes since then are read, from that page on; what changed after `began` is for the next time. */
const CURSOR = z.object({ since: z.number(), page: z.number().int().positive(), began: z.number() });

/** Notes merged pull requests with a label that asks for a release: their run may not be the newest, and is looked at by nobody then. */
export async function noteLabels(at: At, { forge }: ForgeRepository): Promise<void> {
  const { repository } = forge;
  const cursor = `labels-since/${repository.id}`;
  const now = forge.date() ?? at.service.parts.clock.now();
  const { since, page, began } = cursorOf(await at.queue.table.get("cursors", cursor), now);
  const asked = await forge.closedPullRequestsSince(new Date(since).toISOString(), page);
  if (asked.kind !== "ok") return;
  const { pulls, next } = asked.value;
  for (const { number, merged, labels } of pulls)
    if (merged && labels.some((label) => label.startsWith("promote:")))
      await at.queue.table.put(labelledTable(repository), String(number), true);
  // So many changed that the next look goes on with those that changed earlier.
  await at.queue.table.put("cursors", cursor, next === null ? began - MARGIN_MS : { since, page: next, began });
}

/** Of a number all is read until then. */
function cursorOf(kept: Json | undefined, now: number): z.infer<typeof CURSOR> {
  const read = CURSOR.safeParse(kept);
  if (read.success) return read.data;
  return { since: typeof kept === "number" ? kept : now - BACK_MS, page: 1, began: now };
}

/** Merged pull requests whose labels ask for releases, as far as nobody decided on them. */
export function labelledTable({ id }: RepositoryRef): string {
  return `labelled/${id}`;
}
