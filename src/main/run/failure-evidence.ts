import type { PlannedCommit } from "../../controller/project.ts";
import type { At } from "../serve/at.ts";
import { logEnds, SHOWN_LINES } from "./log-ends.ts";
import type { Evidence } from "../../report/failed-run.ts";
import type { Isolation } from "../../key/key-document.ts";
import type { WorkStep } from "../../plan/plan.ts";
import { declaredStep, type DeclaredStep } from "../../run/declared-step.ts";
import { nearMiss, pathsOf, readBy } from "../../run/near-miss.ts";
import type { NearMiss, RunRecord } from "../../run/run-record.ts";

/** Of runs of which nothing has to be told. */
export const NO_EVIDENCE: Evidence = { tail: () => [], nearMiss: () => null, declared: () => null };

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
    if (logs.size > 0 || record.steps.some(wroteUndeclared))
      found.set(record.id, evidenceOf(record, logs, await plan()));
  }
  return ({ id }) => found.get(id) ?? NO_EVIDENCE;
}

function wroteUndeclared({ outcome }: RunRecord["steps"][number]): boolean {
  return outcome.kind === "failed" && outcome.failure.kind === "undeclared-write";
}

/** How processes of a run were kept apart, as far as it says so. */
function isolationOf({ steps }: RunRecord, { settings }: PlannedCommit["project"]): Isolation | null {
  if (settings.sandbox === "require") return "sandbox";
  const isolations = steps.flatMap(({ outcome }) => (outcome.kind === "succeeded" ? [outcome.isolation] : []));
  return isolations.includes("sandbox") && !isolations.includes("workspace") ? "sandbox" : null;
}

function evidenceOf(
  record: RunRecord,
  logs: ReadonlyMap<string, readonly string[]>,
  { project, planned }: PlannedCommit,
): Evidence {
  const order = planned.find(({ file }) => file.pipeline.id === record.pipeline.id)?.order ?? null;
  const exists = pathsOf(order?.steps ?? [], (path) => project.tree.get(path) !== undefined);
  const workOf = (step: string): WorkStep | undefined => order?.steps.find(({ name }) => name === step);
  const missed = (step: string): NearMiss | null => {
    const work = workOf(step);
    if (work === undefined) return null;
    const text = logs.get(step)?.join("\n") ?? "";
    return nearMiss(text, exists, { read: readBy(work.inputs), declared: work.step.inputs }) ?? null;
  };
  const isolation = isolationOf(record, project);
  const declared = (step: string): DeclaredStep | null => {
    const work = workOf(step);
    return work === undefined ? null : declaredStep(work, isolation);
  };
  return { tail: (step) => (logs.get(step) ?? []).slice(-SHOWN_LINES), nearMiss: missed, declared };
}
