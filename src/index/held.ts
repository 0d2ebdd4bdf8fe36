import type { DatabaseSync } from "node:sqlite";

import { digestOf, parseDigest, parseRunId, type CommitSha, type Digest, type RunId } from "../identity/identity.ts";
import { parseTrailers, recordedRun } from "../manifest/commit-message.ts";
import { manifestPath } from "../manifest/ledger-paths.ts";
import type { RunRecord } from "../run/run-record.ts";
import { indexedHead } from "./catch-up.ts";
import type { Held } from "./history.ts";
import { isOwn, readRuns, type LedgerReader } from "./ledger-reader.ts";

const BATCH = 500;

/**
 * What recorded runs hold. The index leaves out what could not be read when it met it: that is read anew, and while it
 * cannot be read nobody knows what it holds. A manifest that was written over since does not take anything away: what
 * a run held when it was recorded stays held.
 */
export async function held(
  database: DatabaseSync,
  ledger: LedgerReader,
  { since, also }: { readonly since: number; readonly also: readonly RunId[] },
): Promise<Held> {
  const recent = database
    .prepare(
      `select id from (
         select id, finished, row_number() over (partition by pipeline order by position desc) as nth from runs
       ) where nth <= 10 or finished >= ?`,
    )
    .all(new Date(since).toISOString());
  const wanted = new Set([...idsOf(recent), ...also]);
  const indexed = new Set(idsOf(database.prepare("select id from runs").all()));
  const recorded =
    indexedHead(database) === undefined ? new Map<RunId, readonly Recording[]>() : await recordedIn(ledger);
  const ids = [...wanted, ...[...recorded.keys()].filter((id) => !indexed.has(id) && !wanted.has(id))];
  // What was recorded since the index was brought up to the ledger is there, too.
  const head = await ledger.head();
  const digests = new Set<Digest>();
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = ids.slice(at, at + BATCH);
    const found =
      head === undefined ? new Map<RunId, readonly RunRecord[]>() : await asRecorded(ledger, head, batch, recorded);
    for (const id of batch) {
      const runs = found.get(id) ?? [];
      if (runs.length === 0) return { kind: "unreadable", run: id };
      for (const run of runs)
        if (wanted.has(id) || isOwn(ledger, run)) for (const digest of digestsOf(run)) digests.add(digest);
    }
  }
  return { kind: "held", digests };
}

/** A commit that recorded a run, and the digest of the manifest that it brought. */
interface Recording {
  readonly commit: CommitSha;
  readonly manifest: Digest;
}

/** A commit that only names a run, and no manifest, recorded nothing: somebody wrote it by hand. */
async function recordedIn(ledger: LedgerReader): Promise<ReadonlyMap<RunId, readonly Recording[]>> {
  const recorded = new Map<RunId, Recording[]>();
  for (const { sha: commit, message } of await ledger.log()) {
    const run = recordedRun(message);
    const manifest = parseDigest(parseTrailers(message).get("Sluice-Manifest")?.[0] ?? "");
    if (run === undefined || manifest === undefined) continue;
    const known = recorded.get(run);
    if (known === undefined) recorded.set(run, [{ commit, manifest }]);
    else known.push({ commit, manifest });
  }
  return recorded;
}

/** Each run as the head has it, and, where that is not what was recorded, as every commit that recorded it has it. */
async function asRecorded(
  ledger: LedgerReader,
  head: CommitSha,
  ids: readonly RunId[],
  recorded: ReadonlyMap<RunId, readonly Recording[]>,
): Promise<ReadonlyMap<RunId, readonly RunRecord[]>> {
  const found = new Map([...(await readRuns(ledger, head, ids))].map(([id, run]) => [id, [run]]));
  const files = await ledger.files(head, ids.map(manifestPath));
  for (const id of ids) {
    const bytes = files.get(manifestPath(id));
    const now = bytes === undefined ? undefined : digestOf(bytes);
    for (const { commit, manifest } of recorded.get(id) ?? []) {
      if (manifest === now) continue;
      const then = (await readRuns(ledger, commit, [id])).get(id);
      if (then !== undefined) found.set(id, [...(found.get(id) ?? []), then]);
    }
  }
  return found;
}

function idsOf(rows: readonly unknown[]): readonly RunId[] {
  return (rows as readonly { readonly id: string }[]).flatMap(({ id }) => parseRunId(id) ?? []);
}

function digestsOf(run: RunRecord): readonly Digest[] {
  return run.steps.flatMap((step) => [
    ...(step.outcome.kind === "succeeded" || step.outcome.kind === "cached"
      ? step.outcome.facts.outputs.map((output) => output.digest)
      : []),
    ...step.attempts.flatMap((attempt) => (attempt.log === null ? [] : [attempt.log])),
  ]);
}
