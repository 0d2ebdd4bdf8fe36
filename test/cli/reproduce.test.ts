import { expect, test } from "vitest";

import { recorded, repository } from "../sluice.ts";

test("of a run that gave nothing nothing is compared, said or recorded, whatever its steps give by now", async () => {
  const bench = repository();
  bench.write("pipelines/p.yaml", "version: 1\nsteps:\n  a: { run: exit 3, outputs: [o] }\n");
  bench.commit();
  await bench.sluice("run");
  const before = bench.git("rev-parse", "refs/sluice/local");

  const { code, stdout, stderr } = await bench.sluice("reproduce", "latest");

  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/there is nothing to compare of run \w+: it failed, and no step of it gave a result/);
  expect(stderr).toMatch(/next: sluice show \w+/);
  expect(bench.git("rev-parse", "refs/sluice/local")).toBe(before);
  expect(recorded(bench)).toHaveLength(1);
});
