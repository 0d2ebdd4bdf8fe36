import { dispatch } from "./dispatch.ts";
import { deliveries } from "./deliveries.ts";
import { hashing } from "./hashing.ts";
import { ledger } from "./ledger.ts";
import { place, type Place } from "./place.ts";
import { planning } from "./planning.ts";
import { promotion } from "./promotion.ts";
import { markdown, type Row } from "./row.ts";
import { cold, noop } from "./runs.ts";
import { verify } from "./verifying.ts";

const BENCHMARKS: Readonly<Record<string, (at: Place) => Promise<Row[]>>> = {
  noop,
  cold,
  planning,
  hashing,
  ledger,
  verify,
  dispatch,
  deliveries,
  promotion,
};

const USAGE = 64;

/** `npm run bench -- [--json] [name…]`: the table of README, or one JSON document on stdout. */
async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((argument) => !argument.startsWith("--"));
  const unknown = names.filter((name) => !(name in BENCHMARKS));
  if (unknown.length > 0) {
    process.stderr.write(
      `there is no benchmark ${unknown.join(", ")}\n  next: npm run bench -- ${Object.keys(BENCHMARKS).join(" ")}\n`,
    );
    return USAGE;
  }
  const begin = performance.now();
  const rows: Row[] = [];
  const at = place();
  try {
    for (const [name, run] of Object.entries(BENCHMARKS)) {
      if (names.length > 0 && !names.includes(name)) continue;
      process.stderr.write(`${name} …\n`);
      rows.push(...(await run(at)));
    }
  } finally {
    at[Symbol.dispose]();
  }
  process.stderr.write(`took ${Math.round((performance.now() - begin) / 1_000)} s\n`);
  process.stdout.write(args.includes("--json") ? `${JSON.stringify(rows, null, 2)}\n` : markdown(rows));
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
