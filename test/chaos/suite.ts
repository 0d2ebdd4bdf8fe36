import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CONTROLLERS, faultText, planFaults, type Fault } from "./fault.ts";
import { gitIn } from "./git.ts";
import { aim, heal, inject, type Injected } from "./inject.ts";
import { readLedger } from "./ledger.ts";
import { leftOutHere } from "./machine.ts";
import { processesOf } from "./orphans.ts";
import type { QueueKind } from "./queue-server.ts";
import { isQuiet } from "./quiet.ts";
import { tallyOf, type Tally } from "./tally.ts";
import { startTown, type Town } from "./town.ts";
import { traffic } from "./traffic.ts";
import { holdsWithin } from "./until.ts";

export interface Order {
  readonly seed: number;
  readonly faults: number;
  readonly queue: QueueKind;
  readonly taken: (fault: Fault) => boolean;
  /** So many at the same time; the next ones come when everything is there again. */
  readonly together: number;
  /** No fault begins later than this many ms after the first. */
  readonly atMostMs: number;
  /** Everything is left as it is, with all logs, also where nothing was wrong. */
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

export interface Outcome extends Tally {
  readonly seed: number;
  /** Faults that hit something. */
  readonly injected: readonly Fault[];
  readonly accepted: number;
  readonly manifests: number;
  /** Processes that nobody is responsible for. */
  readonly orphans: readonly string[];
  /** What `git fsck`, `sluice verify` and the processes themselves found wrong. */
  readonly unsound: readonly string[];
  readonly seconds: number;
  readonly leftOut: readonly string[];
}

const QUIET_MS = 240_000;
/** Refusals are counted, not timed: they last until somebody has met them all. */
const REFUSED_MS = 420_000;

/** One seed: a service, people who use it, faults, quiet, and what is left then. */
export async function runChaos(order: Order): Promise<Outcome> {
  const { seed, say } = order;
  const began = performance.now();
  const leftOut = leftOutHere(order.queue);
  for (const [what, why] of leftOut) say(`left out: ${what}, because ${why}`);
  const directory = mkdtempSync(join(tmpdir(), "sluice-chaos-"));
  const plan = planFaults(seed, order.faults, (fault) => order.taken(fault) && !leftOut.has(fault.kind));
  const town = await startTown(directory, order.queue, new Set(plan.map(({ kind }) => kind)));
  let sound = false;
  try {
    const injected = await disturb(town, plan, order);
    const accepted = town.hooks.accepted();
    const ledger = await readLedger(town.bare);
    const seen = town.steps.seen();
    const ledgerFaults = await ledgerFaultsOf(town);
    await town.end();
    const processes = [...town.controllers, ...town.workers];
    const crashes = processes.flatMap((one) => one.crashes);
    const unsound = [...ledgerFaults, ...crashes];
    const orphans = [...processes.flatMap((one) => one.stuck), ...processesOf(directory)];
    const seconds = Math.round((performance.now() - began) / 1_000);
    const tally = tallyOf(ledger, accepted, seen);
    const counts = { accepted: accepted.size, manifests: ledger.ids.length, orphans, unsound };
    const outcome = { seed, injected, ...counts, ...tally, seconds, leftOut: [...leftOut.keys()] };
    sound = findings(outcome).length === 0;
    return outcome;
  } finally {
    await town.end();
    if (order.keep || !sound) say(`everything is left in ${directory}`);
    else rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Everything that is not as it should be, one line each. */
export function findings({ lost, doubled, unexplained, orphans, unsound }: Outcome): readonly string[] {
  const all = { lost, doubled, "computed again without a reason": unexplained, "left over": orphans, unsound };
  return Object.entries(all).flatMap(([name, found]) => found.map((one) => `${name}: ${one}`));
}

/** Faults while people work; ends when everything is quiet again, or will not be. */
async function disturb(
  town: Town,
  plan: readonly Fault[],
  { atMostMs, together, say }: Order,
): Promise<readonly Fault[]> {
  const people = traffic(town);
  const injected: Fault[] = [];
  const later: Promise<void>[] = [];
  const ended = async (fault: Fault, { later: hit }: Injected): Promise<void> => {
    if (await hit) injected.push(fault);
    else say(`hit nothing: ${faultText(fault)}`);
  };
  let planned = 0;
  const quiet = (): Promise<boolean> => isQuiet(town, people.merged);
  const first = performance.now();
  while (planned < plan.length) {
    const at = performance.now() - first;
    if (at > atMostMs) break;
    // As a balancer would, to whoever is there.
    await town.deliverTo((planned / together) % CONTROLLERS);
    await people.next();
    const volley = plan.slice(planned, planned + together);
    await Promise.all(volley.map((fault) => aim(town, fault)));
    const begun = await Promise.all(volley.map(async (fault) => ({ fault, hit: await inject(town, people, fault) })));
    later.push(...begun.map(({ fault, hit }) => ended(fault, hit)));
    planned += volley.length;
    await heal(town);
    say(`${(at / 1_000).toFixed(1)} s: ${volley.map(faultText).join(", ")}`);
  }
  await Promise.all(later);
  await holdsWithin(REFUSED_MS, async () => !town.hooks.refusing() || (await quiet()));
  if (!(await holdsWithin(QUIET_MS, quiet))) say(`not quiet ${QUIET_MS / 1_000} s after the last fault`);
  return injected;
}

async function ledgerFaultsOf(town: Town): Promise<readonly string[]> {
  const clone = join(town.directory, "clone");
  const fsck = await gitIn(town.bare, "fsck", "--strict", "--no-dangling").catch(String);
  await gitIn(town.directory, "clone", "--quiet", town.bare, clone);
  const verified = await verifyAll(clone);
  return [fsck, verified].filter((text) => text !== "");
}

/** What `sluice verify` says where it is not content. */
function verifyAll(clone: string): Promise<string> {
  const program = join(import.meta.dirname, "../../bin/sluice");
  return new Promise((resolve) => {
    execFile(program, ["verify", "--all"], { cwd: clone }, (error, stdout, stderr) =>
      resolve(error === null ? "" : `sluice verify: ${stderr}${stdout}`),
    );
  });
}
