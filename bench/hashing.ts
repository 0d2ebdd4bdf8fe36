import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hashFile } from "../src/store/hash.ts";
import { statIndex } from "../src/store/stat-index.ts";
import { measure } from "./measure.ts";
import type { Place } from "./place.ts";
import { median, row, type Row } from "./row.ts";

const LARGE = 512 << 20;
const SMALL = 20_000;
const ROUNDS = 3;

/** One large file against `sha256sum`, many small ones, and the same ones again when no stat has changed. */
export async function hashing(at: Place): Promise<Row[]> {
  return [...(await largeFile(at)), ...smallFiles(at)];
}

async function largeFile(at: Place): Promise<Row[]> {
  const directory = at.fresh();
  mkdirSync(directory, { recursive: true });
  const large = join(directory, "large.bin");
  writeFileSync(large, Buffer.alloc(LARGE, "sluice"));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    await hashFile(large);
    ours.push(performance.now() - begin);
    theirs.push((await measure(["sha256sum", large], directory)).ms);
  }
  const speed = (times: readonly number[]): number => LARGE / 1e6 / median(times);
  const [mine, rival] = [speed(ours), speed(theirs)];
  return [row("hash-large-file", [mine, "GB/s"], { target: 3 * rival, rival: "sha256sum", rivalValue: rival })];
}

function smallFiles(at: Place): Row[] {
  const directory = at.fresh();
  mkdirSync(directory, { recursive: true });
  const paths = Array.from({ length: SMALL }, (_, name) => join(directory, String(name)));
  for (const path of paths) writeFileSync(path, `small file ${path}\n`.repeat(50));
  const speeds: Record<"first" | "again", number[]> = { first: [], again: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const index = statIndex(join(directory, `index-${round}`), directory);
    for (const kind of ["first", "again"] as const) {
      const begin = performance.now();
      for (const path of paths) index.digest(path);
      speeds[kind].push(SMALL / ((performance.now() - begin) / 1_000));
    }
  }
  return [
    row("hash-small-files", [median(speeds.first), "files/s"], { target: 50_000 }),
    row("small-files-unchanged", [median(speeds.again), "files/s"]),
  ];
}
