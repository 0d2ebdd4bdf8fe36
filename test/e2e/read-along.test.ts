import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { until } from "../contract/queue.ts";
import { BIN, ENV, type Answer } from "../sluice.ts";
import { gitIn, recorded } from "./town.ts";
import { workplace, type Place, type QueueAt } from "./workers.ts";

const TOKEN = "correct/horse battery+staple";
const OPERATOR = `version: 1
pools: { default: { concurrency: 2 } }
installations: [{ account: acme, sources: ["env:UPSTREAM_TOKEN"] }]
`;
const FILES = {
  "sluice.yaml": `version: 1
secrets: { TOKEN: { from: "env:UPSTREAM_TOKEN", pipelines: [sum], steps: [add] } }
`,
  "pipelines/sum.yaml": `version: 1
name: sum
params: params.yaml
steps:
  first: { run: "echo nothing to see > first.txt", outputs: [first.txt] }
  add: { run: sh add.sh, inputs: [add.sh, first.txt], params: [plus], secrets: [TOKEN], outputs: [sum.txt], cache: false }
`,
  "add.sh": `echo "it begins with $TOKEN"
printf '\\033]0;a title\\007'
if test "$SLUICE_ATTEMPT" = 1; then sleep 600; fi
printf 'half of it: %.12s' "$TOKEN"; sleep 1; echo "\${TOKEN#????????????}"
echo "it ends"
echo 1 > sum.txt
`,
};

/** Quicker where there is a Redis, and the same. */
async function queueHere(): ReturnType<QueueAt> {
  if (!hasRedis()) return { url: "embedded:", config: { kind: "embedded" } };
  const backend = await redisBackend();
  onTestFinished(() => backend.stop());
  return { url: backend.url, config: { kind: "redis", url: backend.url } };
}

interface Reading {
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

function commands({ directory, variables }: Place) {
  const env = { ...ENV, ...variables };
  const options = { cwd: join(directory, "clone"), env } as const;
  return {
    sluice: (...args: readonly string[]): Promise<Answer> =>
      new Promise((resolve) => {
        execFile(BIN, args, options, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
        );
      }),
    read: (...args: readonly string[]): Reading => {
      const child = spawn(BIN, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
      onTestFinished(() => void child.kill("SIGKILL"));
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      return { said: () => said, ended: once(child, "close").then(([code]) => code as number | null) };
    },
  };
}

interface Status {
  readonly served: readonly {
    readonly id: string;
    readonly done: number;
    readonly running: readonly { readonly step: string; readonly worker: string }[];
  }[];
}

test(
  "a run of a service is read along without its secrets, over a worker's death, until its step ends; another is cancelled",
  { timeout: 180_000 },
  async () => {
    const place = await workplace(queueHere, { files: FILES, operator: OPERATOR });
    const { repository, twin, directory, worker } = place;
    const clone = join(directory, "clone");
    await gitIn(directory, "clone", "-q", repository.directory, clone);
    const { sluice, read } = commands(place);
    const doomed = await worker({ UPSTREAM_TOKEN: TOKEN });
    let served: Status["served"] = [];
    await until(async () => {
      served = (JSON.parse((await sluice("status", "--json")).stdout) as Status).served;
      return served.some(({ running }) => running.some(({ step }) => step === "add"));
    }, 60_000);
    const [run] = served;
    if (run === undefined) throw new Error("no run is in hand");
    const { id, done, running } = run;
    expect([done, running.map(({ worker: by }) => by.endsWith(` ${doomed.pid}`))]).toEqual([1, [true]]);

    const reading = read("logs", "-f", id.slice(0, 6), "add");
    await until(() => reading.said().includes("it begins with ***"), 20_000);
    doomed.kill("SIGKILL");
    await worker({ UPSTREAM_TOKEN: TOKEN });
    expect(await reading.ended).toBe(0);
    expect(reading.said()).toContain("── add: attempt 1 ended, attempt 2 begins");
    expect(reading.said()).toMatch(/half of it: \*\*\*\nit ends\n── add: succeeded\n$/);
    expect(reading.said()).not.toMatch(/correct|staple|nothing to see/);

    await until(async () => (await recorded(repository)).length === 1, 30_000);
    await gitIn(clone, "fetch", "-q", "origin", "sluice/ledger:refs/remotes/origin/sluice/ledger");
    const kept = await sluice("logs", id, "add");
    expect(kept.stdout).toMatch(/^it begins with \*\*\*\n[^]*half of it: \*\*\*\nit ends\n$/);

    const forever = { "add.sh": "echo it begins; sleep 600\n" };
    await twin.forge.commit(repository, { branch: "main", files: forever, message: "For ever", login: "alice" });
    await until(async () => (await sluice("ps")).stdout.includes("▶ add"), 60_000);
    const unknown = await sluice("cancel", "latest");
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining("say the run's id")]);
    await gitIn(clone, "remote", "set-url", "origin", "https://github.com/acme/others.git");
    const others = await sluice("cancel", "latest");
    expect([others.code, others.stderr]).toEqual([64, expect.stringContaining("no run latest is under way here")]);
    await gitIn(clone, "remote", "set-url", "origin", `git@github.com:${repository.fullName}.git`);
    const all = read("logs", "-f", "latest");
    await until(() => all.said().includes("add   │ it begins"), 20_000);
    const wrong = await sluice("logs", "-f", "latest", "ad");
    expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringContaining("its steps are first, add")]);
    const cancelled = await sluice("cancel", "latest");
    expect([cancelled.code, cancelled.stdout]).toEqual([0, expect.stringMatching(/^run \w{4} ended/)]);
    expect(await recorded(repository)).toEqual(["sum push cancelled", "sum push succeeded"]);
    expect(await all.ended).toBe(0);
    expect((await sluice("ps")).stdout).toContain("The service has no run in hand");
  },
);
