import { writeFileSync } from "node:fs";

import { sourceOf, writeSluice, type Layered } from "./layered.ts";
import { measure } from "./measure.ts";
import { SLUICE, type Place } from "./place.ts";
import { installRivals, type Rival } from "./rivals.ts";
import { median, row, type Row } from "./row.ts";

const THOUSAND: Layered = { layers: 10, width: 100, files: 1 };
const TEN_THOUSAND: Layered = { layers: 10, width: 1_000, files: 100 };
const ROUNDS = 5;
/** Quick ones are measured in turns with ours; the others take seconds, and minutes when cold. */
const QUICK = ["ninja", "make"];
const SLOW = ["nx", "moon", "snakemake", "turbo"];

/** A rival's repository after its cold run; the no-op is measured in the same one. */
interface Ran {
  readonly rival: Rival;
  readonly directory: string;
  readonly coldMs: number;
}

let prepared: Promise<readonly Ran[]> | undefined;

/** Every rival once, cold, in a directory of its own. */
function rivalsOnce(at: Place): Promise<readonly Ran[]> {
  return (prepared ??= (async () => {
    const ran: Ran[] = [];
    for (const rival of installRivals(at.fresh(), [...QUICK, ...SLOW]).values()) {
      const directory = at.fresh();
      rival.write(directory, THOUSAND);
      const { ms } = await measure(rival.command, directory, rival.env);
      process.stderr.write(`  ${rival.name} cold: ${Math.round(ms)} ms\n`);
      ran.push({ rival, directory, coldMs: ms });
    }
    return ran;
  })());
}

/** 1,000 trivial steps from nothing, two at a time, without and with the sandbox. */
export async function cold(at: Place): Promise<Row[]> {
  const rivals = await rivalsOnce(at);
  const times: Record<string, number[]> = { off: [], sandbox: [] };
  const quick = new Map(rivals.filter(({ rival }) => QUICK.includes(rival.name)).map((one) => [one, [one.coldMs]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, settings] of [
      ["off", "sandbox: off\n"],
      ["sandbox", "sandbox: auto\n"],
    ] as const) {
      const directory = at.fresh();
      writeSluice(directory, THOUSAND, settings);
      times[name]?.push((await measure([SLUICE, "run"], directory)).ms);
    }
    for (const [{ rival }, all] of quick) {
      const directory = at.fresh();
      rival.write(directory, THOUSAND);
      all.push((await measure(rival.command, directory, rival.env)).ms);
    }
  }
  const ours = median(times["off"] ?? []);
  const theirs = rivals.map((one) => ({ name: one.rival.name, ms: median(quick.get(one) ?? [one.coldMs]) }));
  return [
    row("cold-1000", [ours, "ms"], { target: 2_000 }),
    ...theirs.map(({ name, ms }) => row(`cold-1000/${name}`, [ours, "ms"], { rival: name, rivalValue: ms })),
    row("cold-1000-sandboxed", [median(times["sandbox"] ?? []), "ms"], { target: 2_500 }),
  ];
}

/** Nothing to do, by the path of `bin`; it records nothing. */
export async function noop(at: Place): Promise<Row[]> {
  const rivals = await rivalsOnce(at);
  const ours = await warm(at, THOUSAND, "sandbox: off\n");
  const sandboxed = await warm(at, THOUSAND, "sandbox: auto\n");
  for (const { rival, directory } of rivals) await measure(rival.command, directory, rival.env);
  const times: number[] = [];
  const inSandbox: number[] = [];
  const theirs = new Map<string, number[]>(rivals.map(({ rival }) => [rival.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    times.push((await measure([SLUICE, "run"], ours)).ms);
    inSandbox.push((await measure([SLUICE, "run"], sandboxed)).ms);
    for (const { rival, directory } of rivals) {
      if (round > 2 && SLOW.includes(rival.name)) continue;
      theirs.get(rival.name)?.push((await measure(rival.command, directory, rival.env)).ms);
    }
  }
  const mine = median(times);
  const changed = await oneChanged(ours);
  const big = await warm(at, TEN_THOUSAND, "sandbox: off\n");
  const bigTimes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) bigTimes.push((await measure([SLUICE, "run"], big)).ms);
  return [
    row("no-op-1000", [mine, "ms"], { target: 120 }),
    ...[...theirs].map(([name, all]) =>
      row(`no-op-1000/${name}`, [mine, "ms"], { rival: name, rivalValue: median(all) }),
    ),
    row("no-op-1000-sandboxed", [median(inSandbox), "ms"], { target: 120 }),
    row("one-changed-of-1000", [changed, "ms"], { target: 250 }),
    row("no-op-10000", [median(bigTimes), "ms"], { target: 400 }),
  ];
}

/** A repository that has run, and has found nothing to do once. */
async function warm(at: Place, graph: Layered, settings: string): Promise<string> {
  const directory = at.fresh();
  writeSluice(directory, graph, settings);
  await measure([SLUICE, "run"], directory);
  await measure([SLUICE, "run"], directory);
  return directory;
}

/** One source file changed: its column of ten steps runs again. */
async function oneChanged(directory: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(`${directory}/${sourceOf(7)}`, `round ${round} ${process.hrtime.bigint()}\n`);
    times.push((await measure([SLUICE, "run"], directory)).ms);
  }
  return median(times);
}
