import type { CommitSha, RunId } from "../identity/identity.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import { countedRuns, type CountedRun, type LedgerEntry, type LedgerReader } from "./ledger-reader.ts";

/** A run with the commit by whose word it is one. */
export interface StandingRun extends CountedRun {
  readonly commit: CommitSha;
}

/**
 * Runs that these commits (newest first) name, in no order: as the head has them, or, where what stands there does not
 * count, as a commit brought them that does. What somebody pushed over a record takes nothing back.
 */
export async function* standingRuns(
  ledger: LedgerReader,
  head: CommitSha,
  commits: readonly LedgerEntry[],
): AsyncGenerator<StandingRun> {
  const named = new Map<RunId, [CommitSha, ...CommitSha[]]>();
  for (const { sha, message } of commits) {
    const id = recordedRun(message);
    if (id === undefined) continue;
    const known = named.get(id);
    if (known === undefined) named.set(id, [sha]);
    else known.push(sha);
  }
  const unread = new Set(named.keys());
  for await (const run of countedRuns(ledger, head, [...named.keys()])) {
    unread.delete(run.id);
    const by = named.get(run.id);
    if (by === undefined) continue;
    yield (run.counted ? undefined : await broughtBy(ledger, run.id, by)) ?? { ...run, commit: by[0] };
  }
  for (const id of unread) {
    const brought = await broughtBy(ledger, id, named.get(id) ?? []);
    if (brought !== undefined) yield brought;
  }
}

async function broughtBy(
  ledger: LedgerReader,
  id: RunId,
  commits: readonly CommitSha[],
): Promise<StandingRun | undefined> {
  if (ledger.keys === undefined) return undefined;
  for (const commit of commits)
    for await (const run of countedRuns(ledger, commit, [id])) if (run.counted) return { ...run, commit };
  return undefined;
}
