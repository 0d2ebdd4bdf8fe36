import type { PlannedCommit } from "../../controller/project.ts";
import type { At } from "../serve/at.ts";
import { logEnds, SHOWN_LINES } from "./log-ends.ts";
import type { Evidence } from "../../report/failed-run.ts";
import { nearMiss, pathsOf, readBy } from "../../run/near-miss.ts";
import type { NearMiss, RunRecord } from "../../run/run-record.ts";

/** Of runs of which nothing has to be told. */
export const NO_EVIDENCE: Evidence = { tail: () => [], nearMiss: () => null };

/**
 * What is kept of failed steps: the end of each log, and the file that it was missing although the repository has it, as
 * the plan of the commit says; asked for only where something failed.
 */
export async function failureEvidence(
  { service }: At,
  records: readonly RunRecord[],
  plan: () => Promise<PlannedCommit>,
): Promise<(run: RunRecord) => Evidence> {
  const found = new Map<string, Evidence>();
  for (const record of records) {
    const logs = await logEnds(service.parts.store, record);
    if (logs.size > 0) found.set(record.id, evidenceOf(record, logs, await plan()));
  }
  return ({ id }) => found.get(id) ?? NO_EVIDENCE;
}

function evidenceOf(
  { pipeline }: RunRecord,
  logs: ReadonlyMap<string, readonly string[]>,
  { project, planned }: PlannedCommit,
): Evidence {
  const order = planned.find(({ file }) => file.pipeline.id === pipeline.id)?.order ?? null;
  const exists = pathsOf(order?.steps ?? [], (path) => project.tree.get(path) !== undefined);
  const missed = (step: string): NearMiss | null => {
    const work = order?.steps.find(({ name }) => name === step);
    if (work === undefined) return null;
    const text = logs.get(step)?.join("\n") ?? "";
    return nearMiss(text, exists, { read: readBy(work.inputs), declared: work.step.inputs }) ?? null;
  };
  return { tail: (step) => (logs.get(step) ?? []).slice(-SHOWN_LINES), nearMiss: missed };
}
