import type { DatabaseSync } from "node:sqlite";

import { digestOf, parseDigest, parseRunId, type CommitSha, type Digest, type RunId } from "../identity/identity.ts";
import { parseTrailers, recordedRun } from "../manifest/commit-message.ts";
import { manifestPath } from "../manifest/ledger-paths.ts";
import type { RunRecord } from "../run/run-record.ts";
import { indexedHead } from "./catch-up.ts";
import type { Held } from "./history.ts";
import { isOwn, readRuns, TOGETHER, type LedgerReader } from "./ledger-reader.ts";

/**
 * What recorded runs hold. What a commit brought when it recorded a run counts, whatever was pushed over it since, and so
 * does what stands there now. The index leaves out what could not be read when it met it: that is read anew, and while
 * it cannot be read nobody knows what it holds.
 */
export async function held(
  database: DatabaseSync,
  ledger: LedgerReader,
  { since, also }: { readonly since: number; readonly also: readonly RunId[] },
): Promise<Held> {
  // Of those that do not count there may be any number: they take no place from one that does.
  const recent = database
    .prepare(
      `select id from (
         select id, finished, row_number() over (partition by pipeline, counted order by position desc) as nth from runs
       ) where nth <= 10 or finished >= ?`,
    )
    .all(new Date(since).toISOString());
  const wanted = new Set([...idsOf(recent), ...also]);
  const indexed = new Set(idsOf(database.prepare("select id from runs").all()));
  const recorded =
    indexedHead(database) === undefined ? new Map<RunId, readonly Recording[]>() : await recordedIn(ledger);
  // What was recorded since the index was brought up to the ledger is there, too.
  const head = await ledger.head();
  const ids = [...new Set([...wanted, ...recorded.keys()])];
  const digests = new Set<Digest>();
  for (let at = 0; at < ids.length; at += TOGETHER) {
    const standings = await standingOf(ledger, head, ids.slice(at, at + TOGETHER), recorded);
    const needed = standings.filter(
      ({ id, isAsRecorded, changed }) => wanted.has(id) || changed.length > 0 || (isAsRecorded && !indexed.has(id)),
    );
    const now =
      head === undefined
        ? new Map<RunId, RunRecord>()
        : await readRuns(
            ledger,
            head,
            needed.map(({ id }) => id),
          );
    for (const standing of needed) {
      const runs = await versionsOf(ledger, standing, now.get(standing.id));
      if (runs === undefined) return { kind: "unreadable", run: standing.id };
      for (const run of runs)
        if (wanted.has(run.id) || isOwn(ledger, run)) for (const digest of digestsOf(run)) digests.add(digest);
    }
  }
  return { kind: "held", digests, recorded: recorded.size };
}

/** A commit that says that it recorded a run, and with which manifest. */
interface Recording {
  readonly commit: CommitSha;
  readonly manifest: Digest;
}

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

interface Standing {
  readonly id: RunId;
  /** The head has what a commit says that it recorded. */
  readonly isAsRecorded: boolean;
  /** Commits that brought what the head does not have any more; what one says and did not bring recorded nothing. */
  readonly changed: readonly CommitSha[];
}

async function standingOf(
  ledger: LedgerReader,
  head: CommitSha | undefined,
  ids: readonly RunId[],
  recorded: ReadonlyMap<RunId, readonly Recording[]>,
): Promise<readonly Standing[]> {
  const files = head === undefined ? new Map<string, Uint8Array>() : await ledger.files(head, ids.map(manifestPath));
  const standings: Standing[] = [];
  for (const id of ids) {
    const now = digestIn(files, id);
    const recordings = recorded.get(id) ?? [];
    const changed: CommitSha[] = [];
    for (const { commit, manifest } of recordings.filter((one) => one.manifest !== now))
      if (digestIn(await ledger.files(commit, [manifestPath(id)]), id) === manifest) changed.push(commit);
    standings.push({ id, changed, isAsRecorded: recordings.some(({ manifest }) => manifest === now) });
  }
  return standings;
}

function digestIn(files: ReadonlyMap<string, Uint8Array>, id: RunId): Digest | undefined {
  const bytes = files.get(manifestPath(id));
  return bytes === undefined ? undefined : digestOf(bytes);
}

/** A run as it stands and as it stood; undefined where one of these is understood by another version only. */
async function versionsOf(
  ledger: LedgerReader,
  { id, isAsRecorded, changed }: Standing,
  now: RunRecord | undefined,
): Promise<readonly RunRecord[] | undefined> {
  if (now === undefined && (isAsRecorded || changed.length === 0)) return undefined;
  const runs = now === undefined ? [] : [now];
  for (const commit of changed) {
    const then = (await readRuns(ledger, commit, [id])).get(id);
    if (then === undefined) return undefined;
    runs.push(then);
  }
  return runs;
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
