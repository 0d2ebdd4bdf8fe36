import type { Domain } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";

/** Why a run can never be promoted, and what to do instead. */
export interface NotPromotable {
  readonly why: string;
  readonly next: string;
}

/** Triggers whose runs are of the default branch. */
const OF_MAIN: readonly RunRecord["trigger"][] = ["push", "schedule", "upstream", "backfill", "retry", "command"];

/** Whether a recorded run may move between environments at all; null: it may (SEMANTICS §2, §7, §11). */
export function refusalOfCandidate(record: RunRecord, repository: string, domain: Domain): NotPromotable | null {
  const next = "promote a successful run of the default branch: sluice log " + record.pipeline.id;
  if (record.repository !== repository) return { why: "it is a run of another repository", next };
  if (record.trigger === "local" || domain === "local")
    return { why: "it ran on somebody's machine", next: "merge the change: what runs then can be promoted" };
  if (domain !== "main" || !OF_MAIN.includes(record.trigger))
    return { why: "it is no run of the default branch", next: "merge the change: what runs then can be promoted" };
  if (record.status !== "succeeded") return { why: `it ${said(record.status)}`, next };
  if (record.dirty !== null) return { why: "it ran with changes that no commit holds", next };
  if (Object.keys(record.overrides).length > 0)
    return { why: `it ran with parameters of its own (${Object.keys(record.overrides).sort().join(", ")})`, next };
  if (record.environmentDrift) return { why: "its environment was not the one that is declared", next };
  return null;
}

function said(status: Exclude<RunRecord["status"], "succeeded">): string {
  return status === "failed" ? "failed" : `was ${status}`;
}

/**
 * Runs for the same reason that gave way to one, newest first: nothing was computed for them, and what was asked of them is
 * asked of that one. `runs` are of one pipeline, newest first.
 */
export function gaveWayTo<Run extends Pick<RunRecord, "id" | "status"> & { readonly request: string }>(
  runs: readonly Run[],
  id: RunRecord["id"],
): readonly Run[] {
  const at = runs.findIndex((run) => run.id === id);
  const same = runs.slice(at).filter(({ request }) => request === runs[at]?.request);
  const other = same.findIndex(({ status }, place) => place > 0 && status !== "superseded");
  return at < 0 ? [] : same.slice(1, other < 0 ? undefined : other);
}
