import type { RepositoryRef } from "../../identity/repository.ts";
import type { At } from "./at.ts";
import { bellComment, bellMarker } from "../../report/bell.ts";
import { fourCharacters } from "../../report/words.ts";
import type { RunRecord } from "../../run/run-record.ts";
import { desire } from "../../worker.ts";

function tableOf({ id }: RepositoryRef): string {
  return `bells/${id}`;
}

/** Edits notify nobody: who asked for a run that took long is told by one new comment. */
export async function ringBell(at: At, ref: RepositoryRef, record: RunRecord): Promise<void> {
  const { pullRequest: number, requestedBy, id, source } = record;
  const took = Date.parse(record.finishedAt) - Date.parse(record.startedAt);
  if (number === null || requestedBy === null || took < at.service.parts.bellAfterMs) return;
  if (record.status !== "succeeded" && record.status !== "failed") return;
  const body = bellComment(record, { shortId: fourCharacters, tookMs: took });
  await at.queue.table.put(tableOf(ref), `${number}/${id}`, source);
  await desire(
    at.queue,
    ref.installation,
    [{ kind: "comment", number, marker: bellMarker(id), body, once: true }],
    ref,
  );
}

/** Bells of heads before this one have been heard. */
export async function minimizeBells(
  at: At,
  ref: RepositoryRef,
  { number, head }: { readonly number: number; readonly head: string },
): Promise<void> {
  for (const { key, value } of await at.queue.table.entries(tableOf(ref))) {
    if (!key.startsWith(`${number}/`) || value === head) continue;
    const marker = bellMarker(key.slice(key.indexOf("/") + 1));
    await desire(at.queue, ref.installation, [{ kind: "minimized", number, marker }], ref);
    await at.queue.table.remove(tableOf(ref), key);
  }
}
