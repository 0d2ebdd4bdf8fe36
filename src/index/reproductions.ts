import type { DatabaseSync } from "node:sqlite";

import { parseCommitSha, type CommitSha, type RunId } from "../identity/identity.ts";
import { eventSignaturePath } from "../release/release-event.ts";
import { recordedReproduction } from "../release/reproduction.ts";
import type { LedgerReproduction } from "./history.ts";
import type { LedgerEntry, LedgerReader } from "./ledger-reader.ts";

const BATCH = 500;

/** Reproductions that these commits record, oldest first; what a commit names and the ledger lacks is left out. */
export async function readReproductions(
  ledger: LedgerReader,
  head: CommitSha,
  commits: readonly LedgerEntry[],
): Promise<readonly LedgerReproduction[]> {
  const named = commits.flatMap(({ sha, message }) => {
    const recorded = recordedReproduction(message);
    return recorded === undefined ? [] : [{ commit: sha, ...recorded }];
  });
  const found: LedgerReproduction[] = [];
  for (let at = 0; at < named.length; at += BATCH) {
    const batch = named.slice(at, at + BATCH);
    const paths = batch.flatMap(({ path }) => [path, eventSignaturePath(path)]);
    const files = await ledger.files(head, paths);
    for (const one of batch) {
      const payload = files.get(one.path);
      if (payload !== undefined) found.push({ ...one, payload, envelope: files.get(eventSignaturePath(one.path)) });
    }
  }
  return found;
}

/** The path names the bytes: one that was met again has other bytes only where it counted for nothing before. */
export function insertReproductions(database: DatabaseSync, found: readonly LedgerReproduction[]): void {
  if (found.length === 0) return;
  const last = database.prepare("select max(position) as position from reproductions").get() as {
    position: number | null;
  };
  const insert = database.prepare("insert or replace into reproductions values (?, ?, ?, ?, ?, ?)");
  let position = last.position ?? 0;
  for (const { path, run, commit, payload, envelope } of found)
    insert.run(path, run, ++position, commit, payload, envelope ?? null);
}

/** Reproductions of a run in the ledger's order. */
export function reproductionsOf(database: DatabaseSync, run: RunId): readonly LedgerReproduction[] {
  const rows = database
    .prepare("select commit_sha, path, payload, envelope from reproductions where run = ? order by position")
    .all(run) as { commit_sha: string; path: string; payload: Uint8Array; envelope: Uint8Array | null }[];
  return rows.flatMap(({ commit_sha, path, payload, envelope }) => {
    const commit = parseCommitSha(commit_sha);
    return commit === undefined ? [] : [{ run, commit, path, payload, envelope: envelope ?? undefined }];
  });
}
