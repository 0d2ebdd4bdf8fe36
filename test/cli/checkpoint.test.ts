import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { until } from "../contract/queue.ts";
import { repository, type Bench } from "../sluice.ts";

/** Counts its attempts in the checkpoint, and is killed until there were three. */
const COUNT = `n=$(($(cat kept/deep/n 2>/dev/null || echo 0) + 1))
mkdir -p kept/deep; echo $n > kept/deep/n; echo attempt $n
test $n -ge "$1" || kill -KILL $$
echo $n > out
`;

function counting(sandbox: string, step: string): Bench {
  const bench = repository({
    "sluice.yaml": `version: 1\nsandbox: ${sandbox}\n`,
    "count.sh": COUNT,
    "pipelines/p.yaml": `version: 1\nsteps:\n  train:\n    inputs: [count.sh]\n    outputs: [out]\n    checkpoint: kept\n${step}`,
  });
  bench.commit();
  return bench;
}

function kept(bench: Bench): readonly string[] {
  const at = join(bench.root, ".sluice", "store", "checkpoints", "local");
  return existsSync(at) ? readdirSync(at) : [];
}

const RETRY = "    retry: { attempts: 5, on: [error], backoff: fixed, delay: 1ms }\n";
const bubblewrap = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;

describe.each(bubblewrap ? ["off", "require"] : ["off"])("a checkpoint, sandbox: %s", (sandbox) => {
  test("is found by the next attempt as the last one left it, and gone after the success", async () => {
    const bench = counting(sandbox, `    run: sh count.sh 3\n${RETRY}`);

    const run = await bench.sluice("run");

    expect(run.code, run.stderr).toBe(0);
    expect(readFileSync(join(bench.root, "out"), "utf8")).toBe("3\n");
    expect([kept(bench), existsSync(join(bench.root, "kept"))]).toEqual([[], false]);
  });
});

test("a checkpoint is found by the next run, belongs to one key, and a forced step begins anew", async () => {
  const bench = counting("off", "    run: sh count.sh 2\n");
  expect((await bench.sluice("run")).code).toBe(1);
  expect(kept(bench)).toHaveLength(1);

  bench.write("count.sh", `# another key\n${COUNT}`);
  expect((await bench.sluice("run")).code).toBe(1);
  expect(kept(bench)).toHaveLength(2);
  const forced = await bench.sluice("run", "--force", "train");
  expect(forced.code).toBe(1);
  expect(forced.stderr).toContain("attempt 1");
  expect((await bench.sluice("run")).code).toBe(0);

  expect(readFileSync(join(bench.root, "out"), "utf8")).toBe("2\n");
  expect(kept(bench)).toHaveLength(1);
});

test("a checkpoint outlives whoever ran the step, and is no part of the key", async () => {
  const wait =
    'if [ "$(cat kept/deep/n 2>/dev/null)" = "" ]; then mkdir -p kept/deep; echo 7 > kept/deep/n; exec sleep 600; fi';
  const bench = counting("off", "    run: sh count.sh 2\n");
  bench.write("count.sh", `${wait}\n${COUNT}`);
  bench.commit();
  const child = bench.start("run");
  const ended = once(child, "close");
  const [key] = await untilKept(bench);
  child.kill("SIGKILL");
  await ended;

  const run = await bench.sluice("run");

  expect(run.code, run.stderr).toBe(0);
  expect([key, readFileSync(join(bench.root, "out"), "utf8")]).toEqual([
    expect.stringMatching(/^[0-9a-f]{64}$/),
    "8\n",
  ]);
  const file = join(bench.root, "pipelines/p.yaml");
  bench.write("pipelines/p.yaml", readFileSync(file, "utf8").replace("    checkpoint: kept\n", ""));
  expect((await bench.sluice("plan", "--detailed-exitcode")).code).toBe(0);
});

async function untilKept(bench: Bench): Promise<readonly string[]> {
  const at = join(bench.root, ".sluice", "store", "checkpoints", "local");
  await until(() => kept(bench).some((name) => existsSync(join(at, name, "deep", "n"))), 30_000);
  return kept(bench);
}

test("`reproduce` goes on from nothing that another attempt left", async () => {
  const bench = counting("off", "    run: sh count.sh 1\n");
  await bench.sluice("run");

  const again = await bench.sluice("reproduce", "latest");

  expect(again.code, again.stdout + again.stderr).toBe(0);
  expect(kept(bench)).toEqual([]);
});

test.each([
  ["out", "checkpoint `out` of `train` overlaps `out`, which `train` writes"],
  ["out/part", "checkpoint `out/part` of `train` overlaps `out`, which `train` writes"],
  ["count.sh", "checkpoint `count.sh` of `train` overlaps the input `count.sh`"],
  ["../up", "`../up` leaves the workspace"],
  ["kept/*", "checkpoint `kept/*` is a glob"],
])("a checkpoint at %s is a problem", async (path, words) => {
  const bench = counting("off", "    run: sh count.sh 1\n");
  const file = join(bench.root, "pipelines/p.yaml");
  bench.write("pipelines/p.yaml", readFileSync(file, "utf8").replace("checkpoint: kept", `checkpoint: "${path}"`));

  const { code, stdout, stderr } = await bench.sluice("validate");

  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(/p\.yaml:6:17: /);
  expect(stdout + stderr).toContain(words);
});
