import type { Desired } from "../../forge/desired.ts";
import { refusedPushIssue } from "../../report/drift.ts";
import { desire } from "../../worker.ts";
import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";

/** A forge that refuses once may take the next push. */
const LASTS_MS = 20_000;

/** One issue of what the remote has not taken for a while, told to `tell` too; it closes when all of it is taken. */
export async function tellRefusedPushes(
  { queue }: Pick<At, "queue">,
  { forge: { repository }, refused }: Pick<ForgeRepository, "forge" | "refused">,
  tell: (states: readonly Desired[]) => Promise<void>,
): Promise<void> {
  const table = `refused-pushes/${repository.id}`;
  const kept = await queue.table.entries(table);
  const told = new Map(kept.flatMap(({ key, value }) => (typeof value === "string" ? [[key, value] as const] : [])));
  const next = new Map(told);
  for (const [ref, found] of refused) {
    if (found === null) next.delete(ref);
    else if (found.last - found.since >= LASTS_MS) next.set(ref, found.why);
  }
  const changed = [...new Set([...told.keys(), ...next.keys()])].filter((ref) => told.get(ref) !== next.get(ref));
  if (changed.length > 0) {
    const states = [{ kind: "issue", ...refusedPushIssue([...next].map(([ref, why]) => ({ ref, why }))) } as const];
    await desire(queue, repository.installation, states, repository);
    await tell(states);
  }
  // Only after it was told: killed before, it is told once more.
  for (const ref of changed) {
    const why = next.get(ref);
    await (why === undefined ? queue.table.remove(table, ref) : queue.table.put(table, ref, why));
  }
  // What another controller is refused from now on is not taken back by what was taken here before.
  for (const [ref, found] of refused) if (found === null) refused.delete(ref);
}
