import { parseArgs } from "node:util";

import { faultText, isFaultKind, planFaults } from "./fault.ts";
import { leftOutHere } from "./machine.ts";
import { hasProgram } from "./queue-server.ts";
import { findings, runChaos, type Order, type Outcome } from "./suite.ts";

const USAGE = 64;
const HOW =
  "npm run chaos -- --seed 7 --faults 40 [--queue redis|embedded] [--together N] [--only KIND]… [--plan] [--json] [--keep]";

type Asked = Pick<Order, "seed" | "faults" | "together" | "queue" | "taken"> &
  Readonly<Record<"plan" | "json" | "keep", boolean>>;

/** What was asked for; undefined where it is none of what HOW says. */
function read(args: readonly string[]): Asked | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      faults: { type: "string", default: "40" },
      together: { type: "string", default: "1" },
      queue: { type: "string", default: hasProgram("redis-server") ? "redis" : "embedded" },
      only: { type: "string", multiple: true, default: [] },
      plan: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const { queue, only, plan, json, keep } = values;
  const [seed, faults, together] = [Number(values.seed), Number(values.faults), Number(values.together)];
  if (!Number.isInteger(seed) || !Number.isInteger(faults) || faults < 0 || !only.every(isFaultKind)) return undefined;
  if (!Number.isInteger(together) || together < 1) return undefined;
  if (queue !== "redis" && queue !== "embedded") return undefined;
  return {
    seed,
    faults,
    together,
    queue,
    taken: ({ kind }) => only.length === 0 || only.includes(kind),
    plan,
    json,
    keep,
  };
}

/** `npm run chaos`: one seed of faults over a whole service, and what is left of it. */
async function main(args: readonly string[]): Promise<number> {
  const asked = read(args);
  if (asked === undefined) {
    process.stderr.write(`these are no options of the chaos suite\n  next: ${HOW}\n`);
    return USAGE;
  }
  const { plan, json, ...order } = asked;
  if (plan) {
    const here = leftOutHere(order.queue);
    const faults = planFaults(order.seed, order.faults, (fault) => order.taken(fault) && !here.has(fault.kind));
    process.stdout.write(faults.map((fault) => `${faultText(fault)}\n`).join(""));
    return 0;
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const outcome = await runChaos({ ...order, atMostMs: Infinity, say });
  for (const line of findings(outcome)) say(line);
  process.stdout.write(json ? `${JSON.stringify(documentOf(outcome))}\n` : plain(outcome));
  return findings(outcome).length === 0 ? 0 : 1;
}

function documentOf(outcome: Outcome): Readonly<Record<string, unknown>> {
  const { seed, injected, accepted, manifests, lost, doubled, recomputed, unexplained, orphans, seconds, leftOut } =
    outcome;
  return {
    seed,
    faults: injected.length,
    accepted,
    manifests,
    lost: lost.length,
    doubled: doubled.length,
    recomputed: recomputed.length,
    unexplained: unexplained.length,
    orphans: orphans.length,
    seconds,
    leftOut,
  };
}

function plain(outcome: Outcome): string {
  const { faults, accepted, manifests, lost, doubled, recomputed, unexplained, orphans, seconds } = documentOf(outcome);
  return [
    `${String(faults)} faults of seed ${outcome.seed} in ${String(seconds)} s`,
    `${String(accepted)} runs were accepted, ${String(manifests)} are recorded: ${String(lost)} lost, ${String(doubled)} doubled`,
    `${String(recomputed)} results were computed more than once, ${String(unexplained)} times without a reason`,
    `${String(orphans)} processes are left over`,
    "",
  ].join("\n");
}

// Leaving runs what ends the processes below this one; a signal alone does not.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
