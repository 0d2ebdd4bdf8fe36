import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import type { RepositoryRef } from "../../identity/repository.ts";

/** A forge that was not asked before, or whose answers were forgotten, is asked for so long back. */
const BACK_MS = 7 * 86_400_000;
/** Clocks differ, and a label may show late. */
const MARGIN_MS = 5 * 60_000;

/** Notes merged pull requests with a label that asks for a release: their run may not be the newest, and is looked at by nobody then. */
export async function noteLabels(at: At, { forge }: ForgeRepository): Promise<void> {
  const { repository } = forge;
  const cursor = `labels-since/${repository.id}`;
  const now = forge.date() ?? at.service.parts.clock.now();
  const last = await at.queue.table.get("cursors", cursor);
  const since = typeof last === "number" ? last : now - BACK_MS;
  const asked = await forge.closedPullRequestsSince(new Date(since).toISOString());
  if (asked.kind !== "ok") return;
  for (const { number, merged, labels } of asked.value)
    if (merged && labels.some((label) => label.startsWith("promote:")))
      await at.queue.table.put(labelledTable(repository), String(number), true);
  await at.queue.table.put("cursors", cursor, now - MARGIN_MS);
}

/** Merged pull requests whose labels ask for releases, as far as nobody decided on them. */
export function labelledTable({ id }: RepositoryRef): string {
  return `labelled/${id}`;
}
