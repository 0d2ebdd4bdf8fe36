import { randomBytes } from "node:crypto";

import type { Clock } from "./clock.ts";

export function systemClock(): Clock {
  return { now: () => Date.now(), random: (bytes) => randomBytes(bytes), wait };
}

function wait(milliseconds: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(undefined);
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
  });
}
