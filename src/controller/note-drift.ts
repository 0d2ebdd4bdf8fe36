import type { Clock } from "../clock/clock.ts";
import type { Desired } from "../forge/desired.ts";
import type { Table } from "../queue/queue.ts";
import type { Notice } from "../report/notice.ts";

export interface DriftPorts {
  readonly table: Table;
  readonly clock: Pick<Clock, "now">;
}

/** Since when something is not as it was recorded, by the marker of its issue. */
function driftTable(repository: number): string {
  return `drift/${repository}`;
}

/** Issues of what is not as Sluice recorded it: pins, the ledger, bytes of live releases, and what nobody lets it write. */
const DRIFT = /^<!-- sluice:(?:(drift|missing) ([^/]+)\/(.+)|(strange-pins|ledger-strays|refused-pushes)) -->$/;

/**
 * What is to be told of these issues: one notice of each that is open, the same one until it was closed meanwhile. Of what
 * is open for longer than `newsMs` nothing is told.
 */
export async function noteDrift(
  { table, clock }: DriftPorts,
  { repository, newsMs }: { readonly repository: number; readonly newsMs: number },
  states: readonly Desired[],
): Promise<readonly Notice[]> {
  const now = clock.now();
  const notices: Notice[] = [];
  for (const state of states) {
    if (state.kind !== "issue") continue;
    const { marker, title, open } = state;
    const found = DRIFT.exec(marker);
    if (found === null) continue;
    const [, kind, environment = null, pipeline = null, name = nameOf(kind, `${environment}/${pipeline}`)] = found;
    const known = await table.get(driftTable(repository), marker);
    if (!open && known !== undefined) await table.remove(driftTable(repository), marker);
    if (!open) continue;
    if (known === undefined) await table.put(driftTable(repository), marker, now);
    const since = typeof known === "number" ? known : now;
    if (since < now - newsMs) continue;
    const at = new Date(since).toISOString();
    const about = { at, pipeline, environment, run: null, commit: null };
    notices.push({ ...about, id: `drift/${name}/${at}`, events: ["drift"], text: title });
  }
  return notices;
}

/** One release may be pinned otherwise and have lost bytes as well. */
function nameOf(kind: string | undefined, place: string): string {
  return kind === "missing" ? `missing/${place}` : place;
}
