import type { Fault } from "./fault.ts";
import { openRuns } from "./git.ts";
import type { Supervised } from "./supervised.ts";
import type { Town } from "./town.ts";
import { holdsWithin } from "./until.ts";

/** What a fault is to find: something that it can hit. */
const SOON_MS = 15_000;
const BACK_MS = 30_000;

/** Waits until there is something to hit, hits it, and ends when it may be hit again. */
export async function inject(town: Town, fault: Fault): Promise<void> {
  switch (fault.kind) {
    case "kill-worker":
      await stepsRun(town);
      return kill(processOf(town.workers, fault.which));
    case "kill-controller":
      await runsOpen(town);
      await kill(processOf(town.controllers, fault.which));
      return town.deliverTo(fault.which);
    case "kill-queue":
      await runsOpen(town);
      town.queue.kill();
      return must("the queue answers again", () => town.queue.answers());
  }
}

export function processOf(list: readonly Supervised[], which: number): Supervised {
  const found = list[which];
  if (found === undefined) throw new Error(`there is no process ${which}`);
  return found;
}

async function kill(victim: Supervised): Promise<void> {
  const before = victim.pid();
  victim.signal("SIGKILL");
  await must(`${victim.name} is there again`, () => victim.pid() !== before && victim.ready());
}

/** Where nothing is there to be hit the fault comes all the same. */
async function stepsRun({ steps }: Town): Promise<void> {
  await holdsWithin(SOON_MS, () => steps.alive().length > 0);
}

async function runsOpen({ bare }: Town): Promise<void> {
  await holdsWithin(SOON_MS, async () => (await openRuns(bare)) > 0);
}

async function must(what: string, fact: () => boolean | Promise<boolean>): Promise<void> {
  if (!(await holdsWithin(BACK_MS, fact))) throw new Error(`${what}: not after ${BACK_MS / 1_000} s`);
}
