import { randomBytes } from "node:crypto";

import type { Clock } from "./clock.ts";

export function systemClock(): Clock {
  return { now: () => Date.now(), random: (bytes) => randomBytes(bytes) };
}
