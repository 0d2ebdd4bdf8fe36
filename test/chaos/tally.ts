import type { RunRecord, StepRecord } from "../../src/run/run-record.ts";
import type { Ledger } from "./ledger.ts";
import { computation } from "./steps.ts";

export interface Tally {
  /** Runs that were accepted and have no manifest. */
  readonly lost: readonly string[];
  /** Runs with more than one. */
  readonly doubled: readonly string[];
  /** What was computed more than once, with how often. */
  readonly recomputed: readonly string[];
  /** Computations that no manifest gives a reason for. */
  readonly unexplained: readonly string[];
}

/** Holds what the ledger says against what was seen of it from outside. */
export function tallyOf(ledger: Ledger, accepted: ReadonlySet<string>, seen: ReadonlyMap<string, number>): Tally {
  const recorded = new Set<string>(ledger.ids);
  const named = namedComputations(ledger.records);
  const recomputed: string[] = [];
  const unexplained: string[] = [];
  for (const what of new Set([...seen.keys(), ...named.keys()])) {
    const { made, reasons } = named.get(what) ?? { made: 0, reasons: 0 };
    const times = Math.max(seen.get(what) ?? 0, made);
    if (times > 1) recomputed.push(`${what} ${times} times`);
    // The first needs no reason, each other one has its own.
    for (let more = times - 1 - reasons; more > 0; more--) unexplained.push(what);
  }
  return {
    lost: [...accepted].filter((id) => !recorded.has(id)),
    doubled: [...recorded].filter((id) => ledger.ids.filter((one) => one === id).length > 1),
    recomputed,
    unexplained,
  };
}

interface Named {
  /** Results that runs say they computed. */
  readonly made: number;
  /** Reasons why there is one computation more than one. */
  readonly reasons: number;
}

function namedComputations(records: readonly RunRecord[]): ReadonlyMap<string, Named> {
  const steps = records.flatMap((record) => record.steps.map((step) => ({ record, step })));
  const byWhat = Map.groupBy(steps, ({ record, step }) => computation(step.name, Number(record.params["value"])));
  return new Map(
    [...byWhat].map(([what, all]) => {
      const mine = all.filter(({ step }) => step.outcome.kind === "succeeded");
      // A domain that may not read the other's computes for itself.
      const domains = new Set(mine.map(({ record }) => (record.trigger === "push" ? "main" : "pr"))).size;
      const reasons = all.reduce((sum, { step }) => sum + reasonsOf(step), Math.max(0, domains - 1));
      return [what, { made: mine.length, reasons }];
    }),
  );
}

/** Attempts that gave no result, and a cause that says that there was one before. */
function reasonsOf({ attempts, outcome }: StepRecord): number {
  const cause = outcome.kind === "succeeded" ? outcome.cause.kind : null;
  const again = cause === "evicted" || cause === "forced" ? 1 : 0;
  const without = outcome.kind === "succeeded" ? attempts.length - 1 : attempts.length;
  return Math.max(0, without) + again;
}
