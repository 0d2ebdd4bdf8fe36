import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";

import type { Launcher } from "./launcher-client.ts";
import { makeWorkPlace } from "./work-place.ts";
import type { Aside, Standing } from "./workspace.ts";

/** A workspace with what goes with it, for one step after the other. */
export interface Slot {
  readonly at: number;
  readonly root: string;
  readonly workspace: string;
  readonly aside: Aside;
  /** What the last step left in the workspace, where all of it is known. */
  standing: Standing | undefined;
  launcher: RunningLauncher | undefined;
}

export interface RunningLauncher {
  readonly process: Launcher;
  readonly settings: string;
}

export interface Slots {
  readonly directory: string;
  /** As many as there may be. */
  readonly most: number;
  /** Those that were made: each when it is first needed, because a run that goes on one step after the other needs one. */
  readonly made: Slot[];
  readonly free: Slot[];
  readonly waiting: ((slot: Slot) => void)[];
}

const PARTS = ["workspace", "home", "tmp", "logs", "aside"];

export function makeSlot({ directory, made }: Pick<Slots, "directory" | "made">): Slot {
  const at = made.length;
  const root = makeWorkPlace(directory, "slot");
  try {
    for (const part of PARTS) mkdirSync(join(root, part));
  } catch (error) {
    takeAway(root);
    throw error;
  }
  const aside: Aside = { directory: join(root, "aside"), count: 0 };
  const slot = { at, root, workspace: join(root, "workspace"), aside, standing: undefined, launcher: undefined };
  made.push(slot);
  return slot;
}

/** What there is of a slot that could not be made; nobody else knows of it. Needs neither space nor a descriptor. */
function takeAway(root: string): void {
  for (const part of [...PARTS, ""]) {
    try {
      rmdirSync(join(root, part));
    } catch {
      // It was not made.
    }
  }
}

export async function take(slots: Slots): Promise<Slot> {
  // The one used last: its launcher is running, its pages are warm.
  const slot = slots.free.pop() ?? oneMore(slots);
  return slot ?? new Promise((resolve) => slots.waiting.push(resolve));
}

/** Undefined where there may be no more, or can be no more while others are there to wait for. */
function oneMore(slots: Slots): Slot | undefined {
  if (slots.made.length >= slots.most) return undefined;
  try {
    return makeSlot(slots);
  } catch (error) {
    if (slots.made.length === 0) throw error;
    return undefined;
  }
}

export function giveBack(slots: Slots, slot: Slot): void {
  const waiter = slots.waiting.shift();
  if (waiter === undefined) slots.free.push(slot);
  else waiter(slot);
}

export async function discard(slot: Slot): Promise<void> {
  const { launcher } = slot;
  slot.launcher = undefined;
  await launcher?.process.close();
}
