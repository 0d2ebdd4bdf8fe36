import { expect, test } from "vitest";

import { planFaults, type Fault } from "./fault.ts";
import { hasProgram } from "./queue-server.ts";
import { findings, runChaos } from "./suite.ts";

/** The last of them begin so long after the first, and then everything has to come to rest. */
const AT_MOST_MS = 60_000;
/** Two that both think they dispatch, fifty refusals and long pauses take their time: they are for the night. */
function isShort(fault: Fault): boolean {
  if (fault.kind === "two-dispatchers") return false;
  if (fault.kind === "refuse-ledger") return fault.times < 10;
  return !("seconds" in fault) || fault.kind === "clock-jump" || fault.seconds < 10;
}

/** Each short kind is among its first 17. */
const SEED = 180_158;
const ALL = (): boolean => true;

test("a seed gives the same faults every time, and another seed gives others", () => {
  expect(planFaults(7, 30, ALL)).toEqual(planFaults(7, 30, ALL));
  expect(planFaults(7, 30, ALL)).not.toEqual(planFaults(8, 30, ALL));
  expect(planFaults(7, 30, ALL).slice(0, 10)).toEqual(planFaults(7, 10, ALL));
});

test("what is left out changes nothing in the order of the others", () => {
  const all = planFaults(7, 60, ALL);
  const fewer = planFaults(7, 20, ({ kind }) => kind !== "disk-full");
  expect(all.some(({ kind }) => kind === "disk-full")).toBe(true);
  expect(fewer).toEqual(all.filter(({ kind }) => kind !== "disk-full").slice(0, 20));
});

test(
  "whatever fails on the way, every accepted run has one manifest and nothing is computed again without a reason",
  { timeout: 600_000 },
  async () => {
    const said: string[] = [];
    const outcome = await runChaos({
      seed: SEED,
      faults: 50,
      together: 17,
      queue: hasProgram("redis-server") ? "redis" : "embedded",
      taken: isShort,
      atMostMs: AT_MOST_MS,
      keep: false,
      say: (line) => said.push(line),
    });
    expect(findings(outcome), said.join("\n")).toEqual([]);
    const kinds = new Set(planFaults(SEED, 50, isShort).map(({ kind }) => kind));
    const hit = new Set<string>([...outcome.injected.map(({ kind }) => kind), ...outcome.leftOut]);
    const missed = [...kinds].filter((kind) => !hit.has(kind));
    expect(missed, said.join("\n")).toEqual([]);
    expect(outcome.injected.length, said.join("\n")).toBeGreaterThan(40);
    expect(outcome.accepted).toBeGreaterThan(3);
    expect(outcome.manifests).toBe(outcome.accepted);
  },
);
