import { rmSync } from "node:fs";
import { join } from "node:path";

import { writeSluice } from "./layered.ts";
import { measure } from "./measure.ts";
import { SLUICE, type Place } from "./place.ts";
import { median, row, type Row } from "./row.ts";

const ROUNDS = 3;

/** A plan of 10,000 steps in 500 files, with no cache on the disk and with one. */
export async function planning(at: Place): Promise<Row[]> {
  const directory = at.fresh();
  writeSluice(directory, { layers: 20, width: 500, files: 500 });
  const times: Record<"cold" | "warm", number[]> = { cold: [], warm: [] };
  const peaks = { cold: 0, warm: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(join(directory, ".sluice"), { recursive: true, force: true });
    for (const kind of ["cold", "warm"] as const) {
      const { ms, peakBytes } = await measure([SLUICE, "plan"], directory);
      times[kind].push(ms);
      peaks[kind] = Math.max(peaks[kind], peakBytes);
    }
  }
  return [
    row("plan-10000-no-cache", [median(times.cold), "ms"], { target: 2_200 }),
    row("plan-10000-warm", [median(times.warm), "ms"], { target: 300 }),
    row("peak-memory-10000-no-cache", [peaks.cold / 1e6, "MB"], { target: 400 }),
    row("peak-memory-10000-warm", [peaks.warm / 1e6, "MB"], { target: 250 }),
  ];
}
