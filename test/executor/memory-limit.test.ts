import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { heldMemory, memoryLimitsHere, oomKills } from "../../src/executor/memory-limit.ts";
import { repository } from "../sluice.ts";

const here = memoryLimitsHere();

function directory(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "sluice-cgroup-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test("kills are those that the kernel counted for this group", () => {
  expect(oomKills("low 0\nhigh 3\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n")).toBe(1);
  expect(oomKills("")).toBe(0);
});

test("what the kernel can drop is not held against a step", () => {
  expect(heldMemory("anon 1000\nfile 500000\nkernel 24\nkernel_stack 7\n")).toBe(1024);
});

test("where there is no cgroup v2, or none of ours, that is said and nothing is left behind", () => {
  const none = directory({});
  const first = directory({ "cgroup.controllers": "memory\n", self: "4:memory:/x\n" });
  const plain = directory({ "cgroup.controllers": "memory\n", self: "0::/user/app\n", "user/app/cgroup.procs": "" });

  expect(memoryLimitsHere(none, join(none, "self"))).toMatchObject({
    kind: "not-enforced",
    why: "there is no cgroup v2 here",
  });
  expect(memoryLimitsHere(first, join(first, "self"))).toMatchObject({ kind: "not-enforced" });
  expect(memoryLimitsHere(plain, join(plain, "self"))).toMatchObject({ kind: "not-enforced" });
});

const GREEDY = `version: 1
steps:
  eat:
    run: node -e 'const held = []; for (;;) held.push(Buffer.alloc(1 << 24, 1))'
    outputs: [out]
    resources: { memory: 128Mi }
`;

const title = here.kind === "enforced" ? "" : ` (skipped: ${here.why})`;

test.skipIf(here.kind !== "enforced")(`a step that takes more than its limit is out of memory${title}`, async () => {
  const bench = repository({ "sluice.yaml": "version: 1\nsandbox: off\n", "pipelines/p.yaml": GREEDY });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/out of memory .*of 128 MiB/);
});

test.skipIf(here.kind === "enforced")("where limits are not enforced plan and doctor say so and why", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml":
      "version: 1\nsteps:\n  make: { run: echo made > out, outputs: [out], resources: { memory: 64Mi } }\n",
  });
  bench.commit();

  const plan = await bench.sluice("plan");
  const doctor = await bench.sluice("doctor");
  const run = await bench.sluice("run");

  expect(plan.stdout).toContain("`resources.memory` is not enforced here");
  expect(doctor.stdout).toMatch(/! memory limits +`resources.memory` is not enforced/);
  expect(run.code, run.stderr).toBe(0);
});

test("a step that kills itself is not said to be out of memory", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": "version: 1\nsteps:\n  die: { run: kill -9 $$, outputs: [out], resources: { memory: 64Mi } }\n",
  });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toContain("SIGKILL");
  expect(run.stderr).not.toContain("out of memory");
});
