import type { RunSummary } from "../index/history.ts";
import { counted, listed } from "../report/words.ts";
import { EXIT, Refusal } from "./exit.ts";
import { ledgersOf, recordOf, selectRun, shortIds, type Selected } from "./select-run.ts";
import type { Repository, World } from "./world.ts";

/** Named at most; the rest is counted. */
const NAMED = 4;

/**
 * The newest run that succeeded and the one before it of its pipeline; says which runs between did not, and are passed
 * over. Where none succeeded, the newest run and the one before it.
 */
export async function succeededRuns(
  { terminal }: World,
  repository: Repository,
): Promise<{ readonly from: Selected["record"]; readonly to: Selected }> {
  for (const ledger of await ledgersOf(repository)) {
    const runs = ledger.history.runs({});
    const newest = runs.find(({ status }) => status === "succeeded");
    if (newest === undefined) continue;
    const shortId = shortIds(ledger.history);
    const same = runs.filter(({ pipeline }) => pipeline === newest.pipeline);
    const [, before] = same.filter(({ status }) => status === "succeeded");
    if (before === undefined) throw alone(newest, { shortId, others: same.length - 1 });
    const passed = same.slice(0, same.indexOf(before)).filter(({ status }) => status !== "succeeded");
    if (passed.length > 0) {
      const named = passed.map(({ id, status }) => `${shortId(id)} (${status})`);
      terminal.say(`passed over: ${listed(named, NAMED)}; name two runs to compare others: sluice diff A B\n`);
    }
    const to = await recordOf([ledger], newest.id);
    return { to, from: (await recordOf([ledger], before.id)).record };
  }
  const to = await selectRun(repository, "latest");
  return { to, from: (await selectRun(repository, `${to.record.id}~1`)).record };
}

function alone(
  { id, pipeline }: RunSummary,
  { shortId, others }: { readonly shortId: (id: RunSummary["id"]) => string; readonly others: number },
): Refusal {
  const passed = others === 0 ? "" : `; ${counted(others, "other run")} did not`;
  return new Refusal(
    EXIT.usage,
    `no run of ${pipeline} but ${shortId(id)} succeeded${passed}: there is none to compare it with\n  next: change something, sluice run, and sluice diff again`,
  );
}
