import { expect, test } from "vitest";

import { planFaults } from "./fault.ts";
import { hasProgram } from "./queue-server.ts";
import { findings, runChaos } from "./suite.ts";

/** As many faults as fit: the last of them begins so long after the first, and then everything has to come to rest. */
const AT_MOST_MS = 35_000;

test("a seed gives the same faults every time, and another seed gives others", () => {
  expect(planFaults(7, 30)).toEqual(planFaults(7, 30));
  expect(planFaults(7, 30)).not.toEqual(planFaults(8, 30));
  expect(planFaults(7, 30).slice(0, 10)).toEqual(planFaults(7, 10));
});

test(
  "whoever is killed on the way, every accepted run has one manifest and nothing is computed again without a reason",
  { timeout: 400_000 },
  async () => {
    const said: string[] = [];
    const outcome = await runChaos({
      seed: 3,
      faults: 12,
      queue: hasProgram("redis-server") ? "redis" : "embedded",
      atMostMs: AT_MOST_MS,
      keep: false,
      say: (line) => said.push(line),
    });
    expect(findings(outcome), said.join("\n")).toEqual([]);
    expect(outcome.injected.length, said.join("\n")).toBeGreaterThan(1);
    expect(outcome.accepted).toBeGreaterThan(3);
    expect(outcome.manifests).toBe(outcome.accepted);
  },
);
