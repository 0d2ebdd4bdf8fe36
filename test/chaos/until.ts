import { setTimeout as wait } from "node:timers/promises";

const LOOK_MS = 100;

/** Whether a fact holds within so many ms. */
export async function holdsWithin(ms: number, fact: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = Date.now() + ms;
  for (;;) {
    if (await fact()) return true;
    if (Date.now() > end) return false;
    await wait(LOOK_MS);
  }
}
