import { expect, test } from "vitest";

import { repository } from "../sluice.ts";

test("what follows a step that is left out is left out with it, and the run has not failed", async () => {
  const bench = repository({
    "pipelines/p.yaml": `version: 1
steps:
  make: { run: "echo made > made.txt", outputs: [made.txt] }
  publish: { run: "cp made.txt receipt.txt", inputs: [made.txt], outputs: [receipt.txt], effects: true }
  report: { run: "cp receipt.txt report.txt", inputs: [receipt.txt], outputs: [report.txt] }
  thank: { run: "true", needs: [publish] }
`,
  });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.stderr).not.toContain("failed");
  expect(run.code).toBe(0);
  const shown = await bench.sluice("show", "latest");
  for (const [step, words] of [
    ["publish", "it changes the outside world"],
    ["report", "what it comes after is left out"],
    ["thank", "what it comes after is left out"],
  ] as const)
    expect(shown.stdout).toMatch(new RegExp(`${step}.*${words}`));

  const said =
    "nothing to do: the other step is up to date\nleft out: publish, report and thank (effects: `sluice run --with-effects`)\n";
  // Found out once, and then taken from what was found out.
  expect((await bench.sluice("run")).stdout).toBe(said);
  expect((await bench.sluice("run")).stdout).toBe(said);
  expect((await bench.sluice("status")).stdout).toMatch(/p +nothing to run, 3 left out \(effects\) +last run/);
});

test("where every step is left out, a run says so and how they are run", async () => {
  const bench = repository({ "pipelines/p.yaml": "version: 1\nsteps:\n  publish: { run: 'true', effects: true }\n" });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run).toMatchObject({
    code: 0,
    stdout: "nothing to do: every step is left out\nleft out: publish (effects: `sluice run --with-effects`)\n",
  });
});
