import type { DatabaseSync } from "node:sqlite";

import { parseRunId, type Digest, type RunId } from "../identity/identity.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import type { RunRecord } from "../run/run-record.ts";
import { indexedHead } from "./catch-up.ts";
import type { Held } from "./history.ts";
import { isOwn, readRuns, type LedgerReader } from "./ledger-reader.ts";

const BATCH = 500;

/**
 * What recorded runs hold. The index leaves out what could not be read when it met it: that is read anew, and while it
 * cannot be read nobody knows what it holds.
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
  const left = indexedHead(database) === undefined ? [] : await recordedIn(ledger);
  const ids = [...wanted, ...left.filter((id) => !indexed.has(id) && !wanted.has(id))];
  // What was recorded since the index was brought up to the ledger is there, too.
  const head = await ledger.head();
  const digests = new Set<Digest>();
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = ids.slice(at, at + BATCH);
    const runs = head === undefined ? new Map<RunId, RunRecord>() : await readRuns(ledger, head, batch);
    for (const id of batch) {
      const run = runs.get(id);
      if (run === undefined) return { kind: "unreadable", run: id };
      if (wanted.has(id) || isOwn(ledger, run)) for (const digest of digestsOf(run)) digests.add(digest);
    }
  }
  return { kind: "held", digests };
}

async function recordedIn(ledger: LedgerReader): Promise<readonly RunId[]> {
  return [...new Set((await ledger.log()).flatMap(({ message }) => recordedRun(message) ?? []))];
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
