import type { Desired } from "../../forge/desired.ts";
import type { Json, JsonObject } from "../../identity/canonical-json.ts";
import { refusedPushIssue } from "../../report/drift.ts";
import { ACCEPTED } from "../../run/request.ts";
import { desire } from "../../worker.ts";
import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";

/** A forge that refuses once may take the next push. */
const LASTS_MS = 20_000;
/** Each look asks anew for every run that is due: what was not asked for so long is wanted no longer. */
const WANTED_MS = 15 * 60_000;

/** As it stands in the table: until when at least (ms since 1970) it was refused, by whichever controller. */
interface Told {
  readonly why: string;
  readonly last: number;
}

interface Telling {
  readonly tell: (states: readonly Desired[]) => Promise<void>;
  /** False where nobody could ask the remote for anything. */
  readonly looked?: boolean;
  readonly now?: number;
}

/** One issue of what the remote has not taken for a while, told to `tell` too; it closes when all of it is taken. */
export async function tellRefusedPushes(
  { queue }: Pick<At, "queue">,
  { forge: { repository }, refused }: Pick<ForgeRepository, "forge" | "refused">,
  { tell, looked = true, now = Date.now() }: Telling,
): Promise<void> {
  const table = `refused-pushes/${repository.id}`;
  const kept = await queue.table.entries(table);
  const told = new Map(kept.map(({ key, value }) => [key, toldOf(value)] as const));
  const next = new Map(told);
  // Whoever asks once for a run of its own and never again meets the same refusal as the next who asks.
  const runsLast = spanOf([...refused].flatMap(([ref, found]) => (isOfRun(ref) && found !== null ? [found] : [])));
  for (const [ref, found] of refused) {
    if (found === null) next.delete(ref);
    else if ((isOfRun(ref) ? runsLast : spanOf([found])) >= LASTS_MS)
      next.set(ref, { why: found.why, last: found.last });
  }
  const isOver = (ref: string, last: number): boolean => looked && isOfRun(ref) && now - last > WANTED_MS;
  for (const [ref, { last }] of next) if (isOver(ref, last)) next.delete(ref);
  const changed = [...new Set([...told.keys(), ...next.keys()])].filter((ref) => told.get(ref) !== next.get(ref));
  if (changed.some((ref) => told.get(ref)?.why !== next.get(ref)?.why)) {
    const states = [{ kind: "issue", ...refusedPushIssue([...next].map(([ref, { why }]) => ({ ref, why }))) } as const];
    await desire(queue, repository.installation, states, repository);
    await tell(states);
  }
  // Only after it was told: killed before, it is told once more.
  for (const ref of changed) {
    const one = next.get(ref);
    await (one === undefined ? queue.table.remove(table, ref) : queue.table.put(table, ref, { ...one }));
  }
  // What another controller is refused from now on is not taken back by what was taken here before.
  for (const [ref, found] of refused) if (found === null || isOver(ref, found.last)) refused.delete(ref);
}

function isOfRun(ref: string): boolean {
  return ref.startsWith(ACCEPTED);
}

function spanOf(found: readonly { readonly since: number; readonly last: number }[]): number {
  return Math.max(...found.map(({ last }) => last)) - Math.min(...found.map(({ since }) => since));
}

/** An earlier version kept the words alone. */
function toldOf(value: Json): Told {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const { why, last } = value as JsonObject;
    if (typeof why === "string" && typeof last === "number") return { why, last };
  }
  return { why: typeof value === "string" ? value : "", last: 0 };
}
