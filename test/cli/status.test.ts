import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { recorded, repository, sluiceIn, type Bench } from "../sluice.ts";

function waiting(): Bench & { readonly go: () => void } {
  const bench = repository({ "sluice.yaml": "version: 1\nsandbox: off\n" });
  const gate = join(bench.root, ".git", "go");
  bench.write(
    "pipelines/p.yaml",
    `version: 1
steps:
  first: { run: echo 1 > first, outputs: [first] }
  wait: { run: 'until test -e ${gate}; do sleep 0.05; done; cp first wait', inputs: [first], outputs: [wait] }
`,
  );
  bench.commit();
  return { ...bench, go: () => writeFileSync(gate, "") };
}

/** A run under way in its second step, as `status` sees it. */
async function underWay(bench: Bench) {
  const child = bench.start("run");
  const ended = new Promise<number | null>((resolve) => child.on("close", (code) => resolve(code)));
  for (;;) {
    const answer = await bench.sluice("status", "--json");
    const status = JSON.parse(answer.stdout) as { active: { id: string; running: { step: string }[] }[] };
    const [run] = status.active;
    if (run !== undefined && run.running.some(({ step }) => step === "wait")) return { child, ended, id: run.id };
  }
}

test("status shows a live run: what is done, what runs for how long, by whom, and how to stop it", async () => {
  const bench = waiting();
  const { child, ended, id } = await underWay(bench);

  const status = await bench.sluice("ps");
  const shown = await bench.sluice("show", id.slice(0, 4));
  bench.go();

  expect(await ended).toBe(0);
  expect(status.stdout).toMatch(
    new RegExp(`Under way\n  ${id.slice(0, 4)}  p  1 of 2 done, for .+, by process ${child.pid}\n    ▶ wait  \\d+ `),
  );
  const short = id.slice(0, 4);
  expect(shown.stderr).toBe(
    `sluice: run ${short} is under way and not recorded yet\n  next: sluice logs -f ${short}\n`,
  );
  expect(status.stdout).toContain(`stop it: \`sluice cancel ${id.slice(0, 4)}\``);
  expect((await bench.sluice("status")).stdout).not.toContain("Under way");
});

test("in a clone status counts what a service recorded, as far as its ledger was fetched", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": "version: 1\nsteps:\n  make: { run: echo 1 > out, outputs: [out] }\n",
  });
  bench.commit();
  await bench.sluice("run");
  const here = await bench.sluice("status");
  bench.git("update-ref", "refs/remotes/origin/sluice/ledger", "refs/sluice/local");
  bench.git("update-ref", "-d", "refs/sluice/local");
  rmSync(join(bench.root, ".sluice", "cache"), { recursive: true });

  const there = await bench.sluice("status");

  expect(here.stdout).toMatch(/^ {2}p .*last run \w{4} succeeded \S+ \S+$/m);
  expect(there.stdout).toMatch(/^ {2}p .*last run \w{4} succeeded \S+ \S+ on origin\/sluice\/ledger$/m);
});

test("after a kill status says how to go on, and `run` does", async () => {
  const bench = waiting();
  const { child, ended, id } = await underWay(bench);
  child.kill("SIGKILL");
  await ended;

  const status = await bench.sluice("status");
  bench.go();
  const next = await bench.sluice("run");

  expect(status.stdout).toContain(`${id.slice(0, 4)}  p  interrupted after 1 of 2 while wait ran`);
  expect(status.stdout).toContain("`sluice run` carries it on");
  expect(next.code, next.stderr).toBe(0);
  expect(recorded(bench)).toEqual([id]);
});

test("after a kill and an edit status says that a run starts anew", async () => {
  const bench = waiting();
  const { child, ended } = await underWay(bench);
  child.kill("SIGKILL");
  await ended;
  bench.write("pipelines/p.yaml", "version: 1\nsteps:\n  other: { run: echo 1 > other, outputs: [other] }\n");

  const status = await bench.sluice("status");

  expect(status.stdout).toContain("files changed since: `sluice run` records it as abandoned");
});

test("cancel stops a run of another process, which is recorded as cancelled and keeps what finished", async () => {
  const bench = waiting();
  const { ended, id } = await underWay(bench);

  const cancelled = await bench.sluice("cancel", id.slice(0, 6));

  expect(cancelled.code, cancelled.stderr).toBe(0);
  expect(cancelled.stdout).toContain(`run ${id.slice(0, 4)} ended: cancelled; what finished is kept`);
  expect(await ended).toBe(130);
  expect(recorded(bench)).toEqual([id]);
  bench.go();
  expect((await bench.sluice("run")).stderr).toMatch(/✓ first {2}from run/);
  const again = await bench.sluice("cancel", id.slice(0, 6));
  expect(again.code).toBe(64);
  expect(again.stderr).toContain(`has ended already\n  next: sluice show ${id.slice(0, 6)}`);
});

test("cancel ends an interrupted run in a manifest of its own", async () => {
  const bench = waiting();
  const { child, ended, id } = await underWay(bench);
  child.kill("SIGKILL");
  await ended;

  const cancelled = await bench.sluice("cancel", "latest");

  expect(cancelled.code, cancelled.stderr).toBe(0);
  expect(cancelled.stdout).toContain("recorded as abandoned");
  expect(recorded(bench)).toEqual([id]);
  expect(bench.git("log", "-1", "--format=%s", "refs/sluice/local")).toBe("p: abandoned\n");
});

test("cancel of nothing and backfill answer with a sentence and what to type", async () => {
  const bench = waiting();

  const nothing = await bench.sluice("cancel", "r8x2");
  const backfill = await sluiceIn(bench.root, ["backfill", "p", "2026-01-01..2026-01-31"]);

  expect([nothing.code, backfill.code]).toEqual([64, 64]);
  expect(nothing.stderr).toBe("sluice: no run r8x2 is under way here\n  next: sluice status\n");
  expect(backfill.stderr).toContain("run by the service");
});
