import { openGit } from "../src/git/open-git.ts";
import { writeSluice } from "./layered.ts";
import { lengthen } from "./long-ledger.ts";
import { measure } from "./measure.ts";
import { SLUICE, type Place } from "./place.ts";
import { median, row, type Row } from "./row.ts";

const MANIFESTS = 10_000;
const ROUNDS = 3;

/** `sluice verify --all` over 10,000 signed runs of ten steps: signatures, digests, keys, trailers and the chain. */
export async function verify(at: Place): Promise<Row[]> {
  const directory = at.fresh();
  writeSluice(directory, { layers: 10, width: 1, files: 1 });
  await measure([SLUICE, "run"], directory);
  const opened = await openGit(directory);
  if (opened.kind === "refused") throw new Error(opened.why);
  await lengthen(opened.git, MANIFESTS, at.fresh());
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push((await measure([SLUICE, "verify", "--all"], directory)).ms);
  return [row("verify-10000", [MANIFESTS / (median(times) / 1_000), "manifests/s"], { target: 5_000 })];
}
