import type { At } from "../serve/at.ts";
import type { RunRecord } from "../../run/run-record.ts";
import { plainLog } from "../../store/log-file.ts";

const LINES = 20;
const BYTES = 16_384;

/** Last lines of the logs of failed steps, by `run/step`; they were redacted when they were written. */
export async function tailsOf(
  { service }: At,
  records: readonly RunRecord[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const tails = new Map<string, readonly string[]>();
  for (const record of records) {
    for (const step of record.steps) {
      const log = step.attempts.at(-1)?.log;
      if (step.outcome.kind !== "failed" || log === null || log === undefined) continue;
      const kept = await service.parts.store.read(log);
      if (kept === undefined) continue;
      const bytes = (await plainLog(kept)).subarray(-BYTES);
      const lines = new TextDecoder().decode(bytes).trimEnd().split("\n");
      tails.set(`${record.id}/${step.name}`, lines.slice(-LINES));
    }
  }
  return tails;
}
