import { readFileSync } from "node:fs";

import type { Fault } from "./fault.ts";
import { openRuns } from "./git.ts";
import { corruptObject } from "./objects.ts";
import { ancestorsOf, commandOf } from "./process-tree.ts";
import type { Supervised } from "./supervised.ts";
import type { Town } from "./town.ts";
import type { Traffic } from "./traffic.ts";
import { holdsWithin } from "./until.ts";

/** What a fault is to find: something that it can hit. */
const SOON_MS = 12_000;
const BACK_MS = 60_000;
/** A disk takes nothing for so long, or until somebody has met it. */
const NO_WRITES_MS = 8_000;
const JUMPED_S = 8;
/** The backlog's lease and the second after it in which somebody looks. */
const TAKEN_OVER_MS = 15_000;

/** What is to be there when a fault comes. */
const NEEDS: Readonly<Record<Fault["kind"], "a step" | "a run" | "nothing">> = {
  "kill-worker": "a step",
  "kill-launcher": "a step",
  "kill-controller": "a run",
  "kill-queue": "a run",
  "pause-worker": "a step",
  "pause-controller": "a run",
  "cut-worker": "a step",
  "clock-jump": "a run",
  "two-dispatchers": "nothing",
  deliveries: "nothing",
  "wipe-queue": "a run",
  "double-messages": "a run",
  "disk-full": "a run",
  "disk-refuses": "a run",
  "corrupt-object": "nothing",
  "refuse-ledger": "nothing",
};

/** Waits until there is something to hit. */
export async function aim(town: Town, { kind }: Fault): Promise<void> {
  if (NEEDS[kind] === "a step") await stepsRun(town);
  if (NEEDS[kind] === "a run") await runsOpen(town);
}

export interface Injected {
  /** Ends with what the fault goes on doing for a while: whether it hit anything. */
  readonly later: Promise<boolean>;
}

/** Hits what is there to be hit. */
export async function inject(town: Town, people: Traffic, fault: Fault): Promise<Injected> {
  switch (fault.kind) {
    case "kill-worker":
      return done(kill(busiest(town, town.workers, fault.which)));
    case "kill-launcher":
      return { later: holdsWithin(BACK_MS, () => killLauncher(town, fault.which)) };
    case "kill-controller":
      return done(kill(processOf(town.controllers, fault.which)));
    case "kill-queue":
      return done(await reached(() => town.queue.kill()));
    case "pause-worker":
      return { later: pause(busiest(town, town.workers, fault.which), fault.seconds) };
    case "pause-controller":
      return { later: pause(processOf(town.controllers, fault.which), fault.seconds) };
    case "cut-worker":
      return { later: cut(town, fault) };
    case "clock-jump":
      return { later: jump(town, fault) };
    case "two-dispatchers":
      return { later: twoDispatchers(town) };
    case "deliveries":
      return done(await deliveries(town, people, fault.how));
    case "wipe-queue":
      return done(await wipe(town));
    case "disk-full":
      return { later: fillDisk(town) };
    case "disk-refuses":
      return { later: refuseWrites(town) };
    case "double-messages":
      return done(await reached(() => town.queue.doubleMessages()));
    case "corrupt-object":
      return done(corruptObject(town.store, fault.which));
    case "refuse-ledger":
      town.hooks.refuse(fault.times);
      return done(true);
  }
}

function done(hit: boolean): Injected {
  return { later: Promise.resolve(hit) };
}

/** Whether the town is as a fault should find it: the queue answers and nobody is dead or has stopped. */
export async function healed({ controllers, workers, queue }: Town): Promise<boolean> {
  return [...controllers, ...workers].every((one) => one.ready()) && (await queue.answers());
}

export async function heal(town: Town): Promise<void> {
  await must("everything is there again", () => healed(town));
}

function processOf(list: readonly Supervised[], which: number): Supervised {
  const found = list[which];
  if (found === undefined) throw new Error(`there is no process ${which}`);
  return found;
}

/** The one that the seed names, unless only another one performs a step at the moment. */
function busiest({ steps }: Town, list: readonly Supervised[], which: number): Supervised {
  const above = new Set(steps.alive().flatMap(ancestorsOf));
  const busy = list.filter((one) => above.has(one.pid() ?? 0));
  const named = processOf(list, which);
  return busy.includes(named) ? named : (busy[0] ?? named);
}

function kill(victim: Supervised): boolean {
  return victim.signal("SIGKILL");
}

/** The process that started a step and measures it, inside its sandbox. */
function killLauncher({ steps }: Town, which: number): boolean {
  const alive = steps.alive();
  const above = ancestorsOf(alive[which % Math.max(1, alive.length)] ?? 0);
  const launcher = above.find((pid) => commandOf(pid).some((word) => /launcher\.[jt]s$/.test(word)));
  try {
    return launcher !== undefined && process.kill(launcher, "SIGKILL");
  } catch {
    // It ended by itself this moment.
    return false;
  }
}

async function pause(victim: Supervised, seconds: number): Promise<boolean> {
  // Another fault may have killed it this moment.
  const hit = await holdsWithin(BACK_MS, () => victim.ready() && victim.signal("SIGSTOP"));
  if (!hit) return false;
  const pid = victim.pid();
  await pass(seconds);
  // Another life has no need of it.
  if (victim.pid() === pid) victim.signal("SIGCONT");
  return true;
}

/** How long a fault lasts is the fault; what it leads to is waited for by its facts. */
function pass(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

async function twoDispatchers({ controllers, queue }: Town): Promise<boolean> {
  const before = await queue.dispatcher().catch(() => undefined);
  const holder = controllers.find((one) => one.pid() === before);
  if (holder === undefined) return false;
  holder.signal("SIGSTOP");
  let taken = false;
  await holdsWithin(TAKEN_OVER_MS, async () => {
    const now = await queue.dispatcher().catch(() => undefined);
    taken = now !== undefined && now !== before && holder.pid() === before;
    return taken || holder.pid() !== before;
  });
  if (holder.pid() === before) holder.signal("SIGCONT");
  return taken;
}

/** What two people do meanwhile is told wrongly, or not at all. */
async function deliveries(
  town: Town,
  people: Traffic,
  how: Extract<Fault, { kind: "deliveries" }>["how"],
): Promise<boolean> {
  await town.forge.ask({ kind: "deliveries", fault: how }, "done");
  await people.next();
  await people.next();
  await town.forge.ask({ kind: "deliveries", fault: null }, "done");
  return true;
}

/** A schema that is gone is made by whoever starts: an embedded database is emptied and everybody starts again. */
async function wipe(town: Town): Promise<boolean> {
  await reached(() => town.queue.wipe());
  if (town.queue.kind === "embedded") for (const one of [...town.controllers, ...town.workers]) kill(one);
  return true;
}

async function fillDisk(town: Town): Promise<boolean> {
  const { disk } = town;
  if (disk === undefined) return false;
  const before = mentions(town, "ENOSPC");
  disk.fill();
  await holdsWithin(NO_WRITES_MS, () => mentions(town, "ENOSPC") > before);
  disk.empty();
  return true;
}

async function refuseWrites(town: Town): Promise<boolean> {
  const { disk } = town;
  if (disk === undefined) return false;
  const before = mentions(town, "EROFS");
  if (!(await holdsWithin(BACK_MS, () => disk.refuse()))) return false;
  await holdsWithin(NO_WRITES_MS, () => mentions(town, "EROFS") > before);
  disk.take();
  return true;
}

function mentions({ workers, controllers }: Town, error: string): number {
  return [...workers, ...controllers].reduce((sum, { log }) => sum + readFileSync(log, "utf8").split(error).length, 0);
}

async function cut(town: Town, { which, seconds }: Extract<Fault, { kind: "cut-worker" }>): Promise<boolean> {
  const at = town.workers.indexOf(busiest(town, town.workers, which));
  town.net?.cut(at);
  await pass(seconds);
  town.net?.mend(at);
  return town.net !== undefined;
}

/** What it did meanwhile stays done when its clock is right again. */
async function jump({ clocks }: Town, { which, seconds }: Extract<Fault, { kind: "clock-jump" }>): Promise<boolean> {
  clocks?.set(which, seconds);
  await pass(JUMPED_S);
  clocks?.set(which, 0);
  return clocks !== undefined;
}

/** Another fault may have taken the queue away for this moment. */
async function reached(work: () => void | Promise<void>): Promise<boolean> {
  const done = async (): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch {
      return false;
    }
  };
  await must("the queue is reached", done);
  return true;
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
