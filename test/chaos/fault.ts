import { chanceOf, type Chance } from "./chance.ts";
import type { DeliveryFault } from "./forge-orders.ts";

/** What goes wrong; `which` counts the processes of a role, or what is there to be hit. */
export type Fault =
  | { readonly kind: "kill-worker"; readonly which: number }
  | { readonly kind: "kill-launcher"; readonly which: number }
  | { readonly kind: "kill-controller"; readonly which: number }
  | { readonly kind: "kill-queue" }
  /** Stopped and let go on: away from the network, or with a clock that jumped, as its leases see it. */
  | { readonly kind: "pause-worker"; readonly which: number; readonly seconds: number }
  | { readonly kind: "pause-controller"; readonly which: number; readonly seconds: number }
  /** Its network takes everything and brings nothing. */
  | { readonly kind: "cut-worker"; readonly which: number; readonly seconds: number }
  /** One of all processes reads another time than the others, for a while. */
  | { readonly kind: "clock-jump"; readonly which: number; readonly seconds: number }
  /** The holder of the pool's backlog is stopped until another has taken it over: both then think that they have it. */
  | { readonly kind: "two-dispatchers" }
  | { readonly kind: "deliveries"; readonly how: DeliveryFault }
  | { readonly kind: "wipe-queue" }
  | { readonly kind: "double-messages" }
  | { readonly kind: "disk-full" }
  /** The store's disk takes nothing any more, as one does that broke. */
  | { readonly kind: "disk-refuses" }
  | { readonly kind: "corrupt-object"; readonly which: number }
  | { readonly kind: "refuse-ledger"; readonly times: number };

export type FaultKind = Fault["kind"];

/** How many processes there are of each role. */
export const WORKERS = 2;
export const CONTROLLERS = 2;

/** Shorter than a lock, longer than a lock, and longer than every lease. */
const SECONDS = [2, 7, 12] as const;
/** Less than a lease, and more than one. */
const JUMPS = [-20, 3, 20] as const;
const REFUSALS = [1, 4, 50] as const;
const DELIVERIES: readonly DeliveryFault[] = ["dropped", "doubled", "delayed"];

const DRAW: { readonly [K in FaultKind]: (chance: Chance) => Extract<Fault, { kind: K }> } = {
  "kill-worker": (chance) => ({ kind: "kill-worker", which: chance.under(WORKERS) }),
  "kill-launcher": (chance) => ({ kind: "kill-launcher", which: chance.under(1_000) }),
  "kill-controller": (chance) => ({ kind: "kill-controller", which: chance.under(CONTROLLERS) }),
  "kill-queue": () => ({ kind: "kill-queue" }),
  "pause-worker": (chance) => ({
    kind: "pause-worker",
    which: chance.under(WORKERS),
    seconds: chance.pick(SECONDS),
  }),
  "pause-controller": (chance) => ({
    kind: "pause-controller",
    which: chance.under(CONTROLLERS),
    seconds: chance.pick(SECONDS),
  }),
  "cut-worker": (chance) => ({ kind: "cut-worker", which: chance.under(WORKERS), seconds: chance.pick(SECONDS) }),
  "clock-jump": (chance) => ({
    kind: "clock-jump",
    which: chance.under(WORKERS + CONTROLLERS),
    seconds: chance.pick(JUMPS),
  }),
  "two-dispatchers": () => ({ kind: "two-dispatchers" }),
  deliveries: (chance) => ({ kind: "deliveries", how: chance.pick(DELIVERIES) }),
  "wipe-queue": () => ({ kind: "wipe-queue" }),
  "double-messages": () => ({ kind: "double-messages" }),
  "disk-full": () => ({ kind: "disk-full" }),
  "disk-refuses": () => ({ kind: "disk-refuses" }),
  "corrupt-object": (chance) => ({ kind: "corrupt-object", which: chance.under(1_000) }),
  "refuse-ledger": (chance) => ({ kind: "refuse-ledger", times: chance.pick(REFUSALS) }),
};

const KINDS = Object.keys(DRAW) as readonly FaultKind[];

export function isFaultKind(text: string): text is FaultKind {
  return Object.hasOwn(DRAW, text);
}

/** So many draws without one that is taken, and there is none. */
const DRAWS = 10_000;

/** The faults of a seed, in their order; those that are left out are drawn too, and passed over. */
export function planFaults(seed: number, count: number, taken: (fault: Fault) => boolean): readonly Fault[] {
  const chance = chanceOf(seed);
  const faults: Fault[] = [];
  for (let passed = 0; faults.length < count && passed < DRAWS; passed++) {
    const fault: Fault = DRAW[chance.pick(KINDS)](chance);
    if (!taken(fault)) continue;
    faults.push(fault);
    passed = 0;
  }
  return faults;
}

/** One fault as a line for people. */
export function faultText(fault: Fault): string {
  const { kind, ...about } = fault;
  return [kind, ...Object.entries(about).map(([name, value]) => `${name}=${String(value)}`)].join(" ");
}
