import { chanceOf, type Chance } from "./chance.ts";

/** What goes wrong; `which` counts the processes of a role. */
export type Fault =
  | { readonly kind: "kill-worker"; readonly which: number }
  | { readonly kind: "kill-controller"; readonly which: number }
  | { readonly kind: "kill-queue" };

type Kind = Fault["kind"];

/** How many processes there are of each role. */
export const WORKERS = 2;
export const CONTROLLERS = 2;

const DRAW: { readonly [K in Kind]: (chance: Chance) => Extract<Fault, { kind: K }> } = {
  "kill-worker": (chance) => ({ kind: "kill-worker", which: chance.under(WORKERS) }),
  "kill-controller": (chance) => ({ kind: "kill-controller", which: chance.under(CONTROLLERS) }),
  "kill-queue": () => ({ kind: "kill-queue" }),
};

const KINDS = Object.keys(DRAW) as readonly Kind[];

/** The faults of a seed, in their order; those of a kind that cannot be had here are drawn too, and left out. */
export function planFaults(seed: number, count: number, leftOut: ReadonlySet<string> = new Set()): readonly Fault[] {
  const chance = chanceOf(seed);
  const faults: Fault[] = [];
  while (faults.length < count) {
    const fault: Fault = DRAW[chance.pick(KINDS)](chance);
    if (!leftOut.has(fault.kind)) faults.push(fault);
  }
  return faults;
}

/** One fault as a line for people. */
export function faultText(fault: Fault): string {
  const { kind, ...about } = fault;
  return [kind, ...Object.entries(about).map(([name, value]) => `${name}=${String(value)}`)].join(" ");
}
