import type { DatabaseSync } from "node:sqlite";

import { parseCommitSha } from "../identity/identity.ts";
import type { LedgerEvent } from "./history.ts";

/**
 * Events of an index in the ledger's order. Those that were read before are not read again while the index still holds
 * them: a look asks many times, and little has come meanwhile.
 */
export function eventList(): (database: DatabaseSync) => readonly LedgerEvent[] {
  let known: readonly LedgerEvent[] = [];
  let last: Place | undefined;
  return (database) => {
    const continues = last !== undefined && holds(database, last, known.length);
    const fresh = readAfter(database, continues && last !== undefined ? last.position : 0);
    if (fresh.length === 0 && continues) return known;
    known = [...(continues ? known : []), ...fresh.map(({ event }) => event)];
    last = fresh.at(-1) ?? (continues ? last : undefined);
    return known;
  };
}

interface Place {
  readonly position: number;
  readonly event: LedgerEvent;
}

/** A commit names all that came before it; an event that another took the place of is missing among them. */
function holds(database: DatabaseSync, { position, event }: Place, count: number): boolean {
  const row = database
    .prepare(
      "select commit_sha, path, (select count(*) from events where position <= ?) as count from events where position = ?",
    )
    .get(position, position) as { commit_sha: string; path: string; count: number } | undefined;
  return row?.commit_sha === event.commit && row.path === event.path && row.count === count;
}

function readAfter(database: DatabaseSync, position: number): readonly Place[] {
  const rows = database
    .prepare("select position, commit_sha, path, payload, envelope from events where position > ? order by position")
    .all(position) as {
    position: number;
    commit_sha: string;
    path: string;
    payload: Uint8Array;
    envelope: Uint8Array | null;
  }[];
  return rows.flatMap(({ position, commit_sha, path, payload, envelope }) => {
    const commit = parseCommitSha(commit_sha);
    return commit === undefined
      ? []
      : [{ position, event: { commit, path, payload, envelope: envelope ?? undefined } }];
  });
}
