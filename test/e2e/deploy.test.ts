import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { TwinForge } from "../../src/twin/forge.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { BIN } from "../sluice.ts";
import { ledgerLog } from "./ledger-log.ts";
import { outside, ship, type Outside } from "./outside.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { accepted, gitIn, recorded, town, type Town } from "./town.ts";

const SETTINGS = `version: 1
pipelines: pipelines/*.yaml
secrets:
  TOKEN: { from: "env:TOKEN", pipelines: [ship], on: [deploy] }
environments:
  prod:
    approvals: { count: 1 }
    deploy: pipelines/ship.yaml
`;

interface Stage extends Omit<Town, "until"> {
  readonly until: (what: string, fact: () => boolean | Promise<boolean>) => Promise<void>;
  readonly forge: TwinForge;
  readonly repository: TwinRepository;
  readonly outside: Outside;
  /** The only worker, where the service performs nothing itself. */
  readonly doomed: ChildProcess | null;
  readonly ledger: () => Promise<string>;
  readonly say: (on: TwinPullRequest, login: string, body: string) => void;
  /** Merges a change and asks for it in prod; answers the promotion once it shows what to agree to. */
  readonly ask: (plus: number) => Promise<TwinPullRequest>;
  /** Asks and agrees; answers the promotion once it is merged. */
  readonly release: (plus: number) => Promise<TwinPullRequest>;
}

const OPERATOR = `version: 1
installations: [{ account: acme, sources: ["env:TOKEN"] }]
`;

/** alice asks, bob agrees, max may roll back. */
async function stage(options: Parameters<typeof town>[0] = {}): Promise<Stage> {
  const there = await outside();
  const place = await town({ operator: OPERATOR, variables: { TOKEN: "s3cr3t-t0k3n" }, ...options });
  const { forge } = place.twin;
  const repository = await digits(forge, {
    "sluice.yaml": SETTINGS,
    "pipelines/ship.yaml": ship(there.port),
    "say.sh": "",
  });
  const doomed = options.slots === 0 ? await worker(place.directory) : null;
  repository.roles.set("bob", "write");
  repository.roles.set("max", "maintain");
  const ledger = (): Promise<string> => ledgerLog(repository);
  const say: Stage["say"] = (on, login, body) =>
    void forge.comment(repository, on.number, { body, user: forge.world.user(login), app: null });
  await place.until("the first run is recorded", async () => (await ledger()).includes("total 42"));
  const ask: Stage["ask"] = async (plus) => {
    const change = { ...PLUS_TWO, files: { "params.yaml": `plus: ${plus}\n` } };
    await forge.commit(repository, { branch: `plus-${plus}`, ...change });
    const pull = await forge.openPull(repository, { branch: `plus-${plus}`, title: `Add ${plus}`, login: "alice" });
    await forge.merge(repository, pull, { login: "alice" });
    await place.until("the merge is recorded", async () => (await ledger()).includes(`total ${41 + plus}`));
    const before = promotionOf(repository);
    say(pull, "alice", "/sluice promote prod sum");
    await place.until("the promotion is there", () => promotionOf(repository) !== before);
    const promotion = promotionOf(repository);
    if (promotion === undefined) throw new Error("unreachable: it is there");
    await place.until("it shows what to agree to", () => promotion.body.includes("waiting for 1 approval"));
    return promotion;
  };
  return {
    ...place,
    forge,
    repository,
    outside: there,
    doomed,
    until: (what, fact) => place.until(what, fact),
    ledger,
    say,
    ask,
    async release(plus) {
      const promotion = await ask(plus);
      say(promotion, "bob", "/sluice approve prod");
      await place.until("it is merged", () => promotion.merged);
      return promotion;
    },
  };
}

function promotionOf(repository: TwinRepository): TwinPullRequest | undefined {
  return [...repository.pulls.values()].findLast(({ branch }) => branch === "sluice/promote/prod/sum");
}

function checkOf(repository: TwinRepository, pull: TwinPullRequest): string | undefined {
  return repository.checks.findLast(({ name, head }) => name === "sluice / promote (prod)" && head === pull.head)
    ?.output.title;
}

const events = async (ledger: Stage["ledger"]): Promise<readonly string[]> =>
  ((await ledger()).match(/^prod\/sum: (?:released|deployed|rolled-back).*$/gm) ?? []).toReversed();

test("a release is deployed by a run of its own, and the ledger, the check and the forge say so", async () => {
  const { repository, release, ledger, until, outside: there } = await stage();
  const promotion = await release(2);
  await until("it is deployed", async () => (await ledger()).includes("Sluice-Event: deployed"));
  expect(await events(ledger)).toEqual(["prod/sum: released by alice", "prod/sum: deployed by sluice, succeeded"]);

  const [came, ...more] = there.came;
  expect(more).toEqual([]);
  const pin = await gitIn(repository.directory, "show", "main:environments/prod/sum.yaml");
  expect(pin).toContain(`run: "${came?.[2]}"`);
  expect(came).toEqual(["prod", "1", came?.[2], "43", "s3cr3t-t0k3n"]);

  await until("the check says so", () => checkOf(repository, promotion) === "deployed by deployment 1");
  await until("the forge's page says so", () => repository.deployments.at(-1)?.statuses.at(-1)?.state === "success");
  expect(repository.deployments.map(({ environment }) => environment)).toEqual(["prod"]);
  // Recorded like any run, by nothing but the release, and never shown on the commit's own checks.
  expect((await recorded(repository)).filter((line) => line.startsWith("ship"))).toEqual(["ship deploy succeeded"]);
  expect(await accepted(repository)).toBe("");
  const manifest = await manifestOf(repository, "ship");
  expect(manifest).toContain('"request": "deploy:prod:1"');
  expect(manifest).toContain('"name":"release:sum.txt"');
  expect(manifest).not.toContain("s3cr3t");
  expect([...repository.issues.values()].filter(({ title }) => title.includes("degraded"))).toEqual([]);
  expect(await gitIn(repository.directory, "fsck", "--strict", "--no-dangling")).toBe("");
}, 240_000);

test("what the deploy pipeline reads is a part of what is agreed to", async () => {
  const { repository, forge, ask, until } = await stage();
  const promotion = await ask(2);
  const shown = (): string | undefined =>
    repository.checks.findLast(({ name, head }) => name === "sluice / promote (prod)" && head === promotion.head)
      ?.externalId;
  await until("the check names its evidence", () => shown() !== undefined);
  const before = shown();
  await forge.commit(repository, {
    branch: "main",
    message: "Say more",
    login: "alice",
    files: { "say.sh": "echo more\n" },
  });
  await until("it shows another evidence", () => shown() !== undefined && shown() !== before);
  expect(promotion.merged).toBe(false);
}, 240_000);

test("a deployment that failed leaves the environment degraded, one issue says what to choose from, and a rollback mends it", async () => {
  const { repository, release, ledger, say, until, outside: there } = await stage();
  await release(2);
  await until("the first is deployed", async () => (await events(ledger)).length === 2);
  const first = there.came[0]?.[2];
  there.answer = "broken";
  const promotion = await release(3);
  const issues = () => [...repository.issues.values()].filter(({ title }) => title.startsWith("prod is degraded"));
  await until("it is degraded", () => issues().length === 1);
  expect((await events(ledger)).at(-1)).toBe("prod/sum: deployed by sluice, failed");
  const [issue] = issues();
  expect(issue?.body).toContain("`ship` failed: exit code 1");
  expect(issue?.body).toContain("`/sluice rollback prod sum` deploys run");
  expect(issue?.body).toContain("`/sluice promote prod sum` deploys it again");
  await until("the check says so", () => checkOf(repository, promotion) === "deployment 2 failed");
  await until("the forge's page says so", () => repository.deployments.at(-1)?.statuses.at(-1)?.state === "failure");

  // The same once more fails again, in the same issue.
  say(promotion, "alice", "/sluice promote prod sum");
  await until(
    "it failed again",
    async () => (await events(ledger)).filter((one) => one.endsWith("failed")).length === 2,
  );
  await until("the issue is the same", () => issue?.title === "prod is degraded: deployment 3 of sum");
  expect(issues()).toHaveLength(1);

  there.answer = "fine";
  const runs = (await recorded(repository)).filter((line) => /^sum \w/.test(line)).length;
  say(promotion, "max", "/sluice rollback prod sum");
  await until("the issue is closed", () => issue?.state === "closed");
  expect((await events(ledger)).slice(-2)).toEqual([
    "prod/sum: rolled-back by max",
    "prod/sum: deployed by sluice, succeeded",
  ]);
  expect(there.came.map(([, number]) => number)).toEqual(["1", "2", "3", "4"]);
  expect(there.came.at(-1)?.slice(2, 4)).toEqual([first, "43"]);
  // What was released is not computed again.
  expect((await recorded(repository)).filter((line) => /^sum \w/.test(line))).toHaveLength(runs);
  expect(await gitIn(repository.directory, "fsck", "--strict", "--no-dangling")).toBe("");
}, 300_000);

test("a deployment whose worker died is not begun again: a person decides", async () => {
  const place = await stage({ slots: 0 });
  const { repository, release, ledger, say, until, outside: there, directory } = place;
  there.answer = "nothing";
  const promotion = await release(2);
  await until("the deployment is under way", () => there.came.length === 1);
  await worker(directory);
  place.doomed?.kill("SIGKILL");
  const unknown = () => [...repository.issues.values()].find(({ title }) => title.startsWith("prod is in an unknown"));
  await until("nobody knows", () => unknown() !== undefined);
  expect((await events(ledger)).at(-1)).toBe("prod/sum: deployed by sluice, lost");
  await until("the check says so", () => checkOf(repository, promotion) === "nobody knows how deployment 1 ended");
  await until("the forge's page says so", () => repository.deployments.at(-1)?.statuses.at(-1)?.state === "error");
  expect(there.came).toHaveLength(1);
  // Nothing was live before: there is nothing to go back to.
  expect(unknown()?.body).not.toContain("rollback");

  there.answer = "fine";
  say(promotion, "alice", "/sluice promote prod");
  await until("the issue is closed", () => unknown()?.state === "closed");
  expect((await events(ledger)).at(-1)).toBe("prod/sum: deployed by sluice, succeeded");
  expect(there.came.map(([, number]) => number)).toEqual(["1", "2"]);
}, 300_000);

/** A worker as an operator starts it, in a process of its own. */
async function worker(directory: string): Promise<ChildProcess> {
  const data = join(directory, "data");
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: data,
    SLUICE_DATA: data,
    SLUICE_QUEUE_URL: "embedded:",
    TOKEN: "s3cr3t-t0k3n",
  };
  const args = ["worker", "--pool", "default", "--concurrency", "1"];
  const child = spawn(BIN, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.once("exit", () => reject(new Error(`the worker ended: ${said}`)));
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("takes 1 steps at once")) resolve();
    });
  });
  return child;
}

async function manifestOf({ directory }: TwinRepository, pipeline: string): Promise<string> {
  const found = await gitIn(
    directory,
    "log",
    "-1",
    `--grep=^Sluice-Pipeline: ${pipeline}$`,
    "--format=%(trailers:key=Sluice-Run,valueonly)",
    "sluice/ledger",
  );
  const id = found.trim();
  return gitIn(directory, "show", `sluice/ledger:runs/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}/manifest.json`);
}
