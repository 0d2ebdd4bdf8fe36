import type { RunRecord } from "../../run/run-record.ts";
import { plainLog } from "../../store/log-file.ts";
import type { Store } from "../../store/store.ts";

/** As many lines of a log are shown. */
export const SHOWN_LINES = 20;
const BYTES = 16_384;

/** The ends of the logs of failed steps, by line; they were redacted when they were written. */
export async function logEnds(store: Store, record: RunRecord): Promise<ReadonlyMap<string, readonly string[]>> {
  const ends = new Map<string, readonly string[]>();
  for (const { name, outcome, attempts } of record.steps) {
    const log = attempts.at(-1)?.log;
    if (outcome.kind !== "failed" || log === null || log === undefined) continue;
    const kept = await store.read(log);
    if (kept === undefined) continue;
    const bytes = (await plainLog(kept)).subarray(-BYTES);
    ends.set(name, new TextDecoder().decode(bytes).trimEnd().split("\n"));
  }
  return ends;
}
