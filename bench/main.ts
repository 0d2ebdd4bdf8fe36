import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hashFile } from "../src/store/hash.ts";
import { outputOf, sourceOf, writeSluice, writeSources, type Layered } from "./layered.ts";
import { measure, median } from "./measure.ts";

/** One line of the table; `rival` is measured in the same call, in turns with ours. */
interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: "ms" | "MB" | "GB/s";
  readonly target: number | null;
  readonly met: boolean | null;
  readonly rival: string | null;
  readonly rivalValue: number | null;
  readonly ratio: number | null;
}

const SLUICE = join(import.meta.dirname, "..", "bin", "sluice");
const ROUNDS = 5;
const scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));
let directories = 0;

/** A new directory for each run, removed at the very end: some file systems punish those who come after a deletion. */
function fresh(): string {
  directories++;
  return join(scratch, String(directories));
}

function row(
  name: string,
  value: number,
  unit: Row["unit"],
  options: { readonly target?: number; readonly rival?: string; readonly rivalValue?: number } = {},
): Row {
  const { target = null, rival = null, rivalValue = null } = options;
  const rounded = Number(value.toPrecision(3));
  const met = target === null ? null : unit === "GB/s" ? rounded >= target : rounded <= target;
  const ratio = rivalValue === null ? null : Number((rounded / rivalValue).toPrecision(3));
  return {
    name,
    value: rounded,
    unit,
    target,
    met,
    rival,
    rivalValue: rivalValue === null ? null : Number(rivalValue.toPrecision(3)),
    ratio,
  };
}

const THOUSAND: Layered = { layers: 10, width: 100, files: 1 };
const TEN_THOUSAND: Layered = { layers: 10, width: 1_000, files: 100 };

function has(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    process.stderr.write(`left out: ${program} is not installed\n`);
    return false;
  }
}

function writeNinja(directory: string, graph: Layered): void {
  writeSources(directory, graph);
  const lines = ["rule cp", "  command = cp $in $out"];
  for (let layer = 0; layer < graph.layers; layer++) {
    for (let column = 0; column < graph.width; column++)
      lines.push(
        `build ${outputOf(layer, column)}: cp ${layer === 0 ? sourceOf(column) : outputOf(layer - 1, column)}`,
      );
  }
  writeFileSync(join(directory, "build.ninja"), `${lines.join("\n")}\n`);
}

async function cold(): Promise<Row[]> {
  const times: Record<string, number[]> = { off: [], sandbox: [], ninja: [] };
  const ninja = has("ninja");
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, settings] of [
      ["off", "sandbox: off\n"],
      ["sandbox", "sandbox: auto\n"],
    ] as const) {
      const directory = fresh();
      writeSluice(directory, THOUSAND, settings);
      times[name]?.push((await measure([SLUICE, "run"], directory)).ms);
    }
    if (!ninja) continue;
    const directory = fresh();
    writeNinja(directory, THOUSAND);
    times["ninja"]?.push((await measure(["ninja", "-j2"], directory)).ms);
  }
  const rival = ninja ? { rival: "ninja", rivalValue: median(times["ninja"] ?? []) } : {};
  return [
    row("cold run, 1,000 steps", median(times["off"] ?? []), "ms", { target: 2_000, ...rival }),
    row("cold run, 1,000 steps, sandboxed", median(times["sandbox"] ?? []), "ms", { target: 2_500, ...rival }),
  ];
}

async function noop(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, graph, target] of [
    ["1,000", THOUSAND, 120],
    ["10,000", TEN_THOUSAND, 400],
  ] as const) {
    const ours = fresh();
    writeSluice(ours, graph);
    await measure([SLUICE, "run"], ours);
    await measure([SLUICE, "run"], ours);
    const theirs = has("ninja") ? fresh() : undefined;
    if (theirs !== undefined) {
      writeNinja(theirs, graph);
      await measure(["ninja", "-j2"], theirs);
    }
    const times: number[] = [];
    const rival: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      times.push((await measure([SLUICE, "run"], ours)).ms);
      if (theirs !== undefined) rival.push((await measure(["ninja", "-j2"], theirs)).ms);
    }
    rows.push(
      row(`no-op run, ${name} steps`, median(times), "ms", {
        target,
        ...(theirs === undefined ? {} : { rival: "ninja", rivalValue: median(rival) }),
      }),
    );
    if (name === "1,000") rows.push(await changed(ours));
  }
  return rows;
}

/** One source file changed: its column of ten steps runs again. */
async function changed(directory: string): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(join(directory, sourceOf(7)), `round ${round} ${process.hrtime.bigint()}\n`);
    times.push((await measure([SLUICE, "run"], directory)).ms);
  }
  return row("one input changed, 10 of 1,000 steps run", median(times), "ms", { target: 250 });
}

async function planning(): Promise<Row[]> {
  const directory = fresh();
  writeSluice(directory, { layers: 20, width: 500, files: 500 });
  const coldRun: number[] = [];
  const warm: number[] = [];
  let peak = 0;
  for (let round = 0; round < 3; round++) {
    rmSync(join(directory, ".sluice"), { recursive: true, force: true });
    coldRun.push((await measure([SLUICE, "plan"], directory)).ms);
    const again = await measure([SLUICE, "plan"], directory);
    warm.push(again.ms);
    peak = Math.max(peak, again.peakBytes);
  }
  return [
    row("plan of 10,000 steps in 500 files, no cache", median(coldRun), "ms", { target: 2_200 }),
    row("plan of 10,000 steps in 500 files, warm", median(warm), "ms", { target: 300 }),
    row("peak memory of that plan, warm", peak / 1e6, "MB", { target: 250 }),
  ];
}

async function hashing(): Promise<Row[]> {
  const directory = fresh();
  writeSources(directory, { layers: 1, width: 1, files: 1 });
  const large = join(directory, "large.bin");
  execFileSync("sh", ["-c", `head -c 536870912 /dev/zero > ${large}`]);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const begin = performance.now();
    await hashFile(large);
    ours.push(performance.now() - begin);
    theirs.push((await measure(["sha256sum", large], directory)).ms);
  }
  const speed = (ms: number): number => 0.536870912 / (ms / 1_000);
  return [
    row("hashing one large file", speed(median(ours)), "GB/s", {
      rival: "sha256sum",
      rivalValue: speed(median(theirs)),
    }),
  ];
}

const BENCHMARKS: Readonly<Record<string, () => Promise<Row[]>>> = { noop, cold, planning, hashing };

function markdown(rows: readonly Row[]): string {
  const lines = rows.map((one) => {
    const target = one.target === null ? "" : `${one.target} ${one.unit}${one.met === true ? "" : " (missed)"}`;
    const rival = one.rival === null ? "" : `${one.rival} ${one.rivalValue} ${one.unit} (×${one.ratio})`;
    return `| ${one.name} | ${one.value} ${one.unit} | ${target} | ${rival} |`;
  });
  return ["| what | Sluice | target | rival in the same call |", "|---|---:|---:|---|", ...lines, ""].join("\n");
}

const args = process.argv.slice(2);
const names = args.filter((argument) => !argument.startsWith("--"));
const rows: Row[] = [];
try {
  for (const [name, run] of Object.entries(BENCHMARKS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    process.stderr.write(`${name} …\n`);
    rows.push(...(await run()));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(args.includes("--json") ? `${JSON.stringify(rows, null, 2)}\n` : markdown(rows));
