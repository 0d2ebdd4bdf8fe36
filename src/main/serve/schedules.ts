import type { Desired } from "../../forge/desired.ts";
import type { RunSummary } from "../../index/history.ts";
import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { scheduleIssue } from "../../report/schedule-issue.ts";
import { fourCharacters } from "../../report/words.ts";
import { parentOf } from "../../run/due-upstream.ts";
import { slotOf } from "../../run/schedule-slots.ts";
import { desire } from "../../worker.ts";

/** Newest runs that are looked through for scheduled ones. */
const RUNS = 500;

/** One issue for each schedule whose newest run failed; the next success closes it. */
export async function tellSchedules(at: At, { forge, history }: ForgeRepository): Promise<void> {
  const { repository } = forge;
  const runs = history.runs({ limit: RUNS });
  const newest = new Map<string, { readonly run: RunSummary; readonly cron: string }>();
  for (const run of runs) {
    const cron = slotOf(rootRequest(run, runs))?.cron;
    const name = cron === undefined ? undefined : JSON.stringify([run.pipeline, cron]);
    if (cron === undefined || name === undefined || newest.has(name)) continue;
    if (run.status === "succeeded" || run.status === "failed" || run.status === "refused")
      newest.set(name, { run, cron });
  }
  const states: Desired[] = [];
  for (const [name, { run, cron }] of newest) {
    const open = run.status !== "succeeded";
    // Nothing is asked of the forge for schedules that were always well.
    const table = `schedule-issues/${repository.id}`;
    if (!open && (await at.queue.table.get(table, name)) === undefined && !runs.some((one) => one.status === "failed"))
      continue;
    if (open) await at.queue.table.put(table, name, run.id);
    states.push({ kind: "issue", open, ...scheduleIssue(run, { cron, shortId: fourCharacters }) });
  }
  await desire(at.queue, repository.installation, states, repository);
}

function rootRequest(run: RunSummary, runs: readonly RunSummary[]): string {
  if (run.trigger !== "retry") return run.request;
  const parent = runs.find(({ id }) => id === parentOf(run.request));
  return parent === undefined ? run.request : rootRequest(parent, runs);
}
