import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { systemClock } from "../../src/clock/system-clock.ts";
import { parseDigest } from "../../src/identity/identity.ts";
import { servicePaths } from "../../src/main/serve/paths.ts";
import { startWorker } from "../../src/main/serve/worker.ts";
import { begunAttempts } from "../../src/store/begun-attempts.ts";
import { fileCheckpoints } from "../../src/store/checkpoints.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { digits } from "./repositories.ts";
import { accepted, gitIn, recorded, town, type Town } from "./town.ts";

const OPERATOR = `version: 1
installations: [{ account: acme, sources: ["env:UPSTREAM_TOKEN"] }]
pools:
  default: { concurrency: 2 }
  strangers: { concurrency: 2, untrusted: true }
  arm: { concurrency: 2, platform: linux-arm64 }
`;

const SETTINGS = `version: 1
forks: { run: maintainer, pool: strangers }
secrets:
  TOKEN: { from: "env:UPSTREAM_TOKEN" }
`;

/** The repository, and a pull request from zed's copy of it. */
interface Forked {
  readonly repository: TwinRepository;
  readonly fork: TwinRepository;
  readonly pull: TwinPullRequest;
  readonly say: (login: string, body: string) => void;
  readonly sticky: () => string;
  /** Plan check of the head. */
  readonly check: () => TwinRepository["checks"][number] | undefined;
}

async function forked(
  place: Town,
  of: { readonly settings: string; readonly brings: Readonly<Record<string, string>> },
): Promise<Forked> {
  const { forge } = place.twin;
  const repository = await digits(forge, { "sluice.yaml": of.settings });
  repository.roles.set("max", "maintain");
  await place.until("first contact", async () => (await recorded(repository)).length === 1);
  const fork = await forge.fork(repository, "zed");
  // On a branch that is called like ours, as forks have them.
  await forge.commit(fork, { branch: "main", files: of.brings, message: "Change", login: "zed" });
  const pull = await forge.openPull(repository, { from: fork, branch: "main", title: "Change", login: "zed" });
  const comments = () => repository.comments.get(pull.number) ?? [];
  const sticky = () => comments().find((comment) => comment.app !== null)?.body ?? "";
  await place.until("the plan is told", () => sticky() !== "");
  return {
    repository,
    fork,
    pull,
    say: (login, body) =>
      void forge.comment(repository, pull.number, { body, user: forge.world.user(login), app: null }),
    sticky,
    check: () => repository.checks.find(({ name, head }) => name === "sluice / plan" && head === pull.head),
  };
}

test(
  "what comes from a fork is planned and not run, whatever its own settings say, and the reason says what to write",
  { timeout: 240_000 },
  async () => {
    const place = await town({ operator: OPERATOR });
    const { repository, pull, say, sticky, check } = await forked(place, {
      settings: "version: 1\n",
      brings: { "params.yaml": "plus: 2\n", "sluice.yaml": `${SETTINGS}policies: [{ name: p, deny: "true" }]\n` },
    });
    expect(sticky()).toContain("parameter `plus` 1 → **2**");
    expect(sticky()).not.toContain("/sluice run");
    const line = "write `forks: { run: maintainer, pool: strangers }` in sluice.yaml of the default branch";
    expect(sticky()).toContain(`planned and not run. To change that, ${line}`);
    expect(sticky()).toContain("which decides nothing before it is merged");
    await place.until("the check is there", () => check()?.conclusion === "success");
    expect(check()?.actions.map(({ identifier }) => identifier)).toEqual(["plan"]);

    say("max", `/sluice run @${pull.head}`);
    await place.until("it is refused", () =>
      sticky().includes(`> pull requests from forks are planned and not run: ${line}`),
    );
    await place.until("the comment shows it", () => reacted(repository, pull).includes("confused"));
    place.twin.forge.label(repository, pull, { name: "promote:staging", add: true, login: "max" });
    await place.until("the label is refused in words", () => sticky().includes("`promote:staging` is refused"));
    expect(await accepted(repository)).toBe("");
    expect(await recorded(repository)).toEqual(["sum push succeeded"]);
  },
);

function reacted(repository: TwinRepository, pull: TwinPullRequest): readonly string[] {
  return (repository.comments.get(pull.number) ?? []).flatMap((one) => one.reactions.map(({ content }) => content));
}

const bubblewrap = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;

/** Looks around for whatever a worker could lose, and says what it found. */
const PROBE = `total=$(( $(cat data.txt) + SLUICE_PARAM_PLUS ))
echo "$total" > sum.txt
echo "{\\"total\\": $total}" > metrics.json
echo "keys: $(ls DATA 2>&1 | grep -c keys) routes: $(grep -c '' /proc/net/route)" > told.txt
cat told.txt
`;

const REACH = `version: 1
name: reach
steps:
  net: { run: echo x > out, network: true, resources: { pool: arm }, outputs: [out] }
`;

const ASK = `version: 1
name: ask
steps:
  told: { run: 'echo "$TOKEN" | wc -c > told', secrets: [TOKEN], outputs: [told] }
`;

test.skipIf(!bubblewrap)(
  `a maintainer has a fork's head run: walled in, in its own domain, and computed again after the merge${bubblewrap ? "" : " (skipped: no bubblewrap here)"}`,
  { timeout: 400_000 },
  async () => {
    const place = await town({ operator: OPERATOR, variables: { UPSTREAM_TOKEN: "stolen" } });
    const data = join(place.directory, "data");
    await workerOf(place, "strangers");
    await workerOf(place, "arm");
    const brings = {
      "params.yaml": "plus: 2\n",
      "add.sh": PROBE.replace("DATA", data),
      "pipelines/sum.yaml": SUM,
      "pipelines/reach.yaml": REACH,
      "pipelines/ask.yaml": ASK,
    };
    const { repository, fork, pull, say, sticky, check } = await forked(place, { settings: SETTINGS, brings });
    const first = pull.head;
    expect(sticky()).toContain(`comment \`/sluice run @${first}\``);
    say("alice", `/sluice run @${first}`);
    await place.until("write is not enough", () => sticky().includes("needs maintain permission"));
    say("max", "/sluice run");
    await place.until("the head has to be named", () => sticky().includes("name the one that you have looked at"));

    // Pushed while the maintainer typed: what was looked at is gone, and nothing runs.
    await place.twin.forge.commit(fork, {
      branch: "main",
      files: { "params.yaml": "plus: 3\n" },
      message: "3",
      login: "zed",
    });
    say("max", `/sluice run sum@${first}`);
    await place.until("the head has moved", () => sticky().includes("was not run: look at it"));
    expect(sticky()).toContain(`/sluice run sum@${pull.head}`);
    expect(await accepted(repository)).toBe("");
    expect(await recorded(repository)).toHaveLength(1);

    say("max", `/sluice run @${pull.head}`);
    await place.until("all are recorded", async () => (await recorded(repository)).length === 4);
    expect((await recorded(repository)).toSorted()).toEqual([
      "ask command refused",
      "reach command refused",
      "sum command succeeded",
      "sum push succeeded",
    ]);
    await place.until("it is told", () => sticky().includes("| total"));
    await place.until("that no network is given is told", () =>
      sticky().includes("network, and nothing of a fork may"),
    );
    await place.until("that no secret is given is told", () => sticky().includes("and nothing of a fork gets one"));
    const domain = `fork/${pull.number}`;
    expect([
      made(data, "pr"),
      made(data, domain).map(({ made: { isolation, secrets, network } }) => [isolation, secrets, network]),
    ]).toEqual([[], [["sandbox", false, false]]]);
    const store = filesystemStore(servicePaths(data).store);
    const [mine] = made(data, domain);
    const digest = parseDigest(mine?.facts.outputs.find(({ path }) => path === "told.txt")?.digest ?? "");
    expect(digest && new TextDecoder().decode(await store.read(digest))).toBe("keys: 0 routes: 1\n");

    say("max", "/sluice retry");
    await place.until("what was refused is tried again", async () => (await recorded(repository)).length === 6);
    expect((await recorded(repository)).slice(0, 2).toSorted()).toEqual(["ask retry refused", "reach retry refused"]);

    // Keys name the pool where it ran, not the one that it asks for, and the plan finds what was made there.
    expect(await ofArm(repository)).toBe("");
    await place.until("the plan has it", () => /^Unchanged:.*`sum`/m.test(sticky()));

    // A button names the head that it is shown at; what the fork computed is there for the fork.
    await place.until(
      "the button is there",
      () => check()?.actions.some(({ identifier }) => identifier === "run") === true,
    );
    const shown = check();
    if (shown === undefined) throw new Error("unreachable: it was there");
    const press = { sender: place.twin.forge.world.user("max"), button: "run" };
    place.twin.forge.announce.check(repository, shown, press);
    await place.until("all are recorded again", async () => (await recorded(repository)).length === 9);
    expect(made(data, domain)).toEqual([mine]);

    await place.twin.forge.merge(repository, pull, { login: "alice" });
    await place.until("the merge has run", async () => (await recorded(repository)).length === 12);
    // Of the default branch by now, all of it may have what it asks for.
    expect((await recorded(repository)).slice(0, 3).toSorted()).toEqual([
      "ask push succeeded",
      "reach push succeeded",
      "sum push succeeded",
    ]);
    expect(await ofArm(repository)).toContain("keys/");
    const [ours, ...more] = made(data, "main").filter(({ facts }) =>
      facts.outputs.some(({ path }) => path === "told.txt"),
    );
    expect([ours?.made.domain, more]).toEqual(["main", []]);
    expect(ours?.made.run).not.toBe(mine?.made.run);
  },
);

const SUM = `version: 1
name: sum
params: params.yaml
steps:
  add:
    run: sh add.sh
    inputs: [add.sh, data.txt]
    params: [plus]
    outputs: [sum.txt, told.txt]
    resources: { pool: arm }
    metrics: [metrics.json]
metrics:
  total: { step: add, goal: higher }
`;

/** Key documents in the ledger that name the platform of the pool `arm`. */
function ofArm({ directory }: TwinRepository): Promise<string> {
  return gitIn(directory, "grep", "-l", '"platform":"linux-arm64"', "sluice/ledger", "--", "keys").catch(() => "");
}

async function workerOf({ directory, service }: Town, pool: string): Promise<void> {
  const data = join(directory, "data");
  const worker = await startWorker({
    queue: service.queue,
    store: filesystemStore(servicePaths(data).store),
    begun: begunAttempts(servicePaths(data).store),
    checkpoints: fileCheckpoints(join(data, "checkpoints"), removeTree),
    clock: systemClock(),
    data,
    path: process.env["PATH"] ?? "",
    pool,
    version: "test",
    concurrency: 2,
    kubernetes: null,
    variable: () => undefined,
    onError: () => undefined,
  });
  onTestFinished(() => worker[Symbol.asyncDispose]());
}

interface Result {
  readonly key: string;
  readonly facts: { readonly outputs: readonly { readonly path: string; readonly digest: string }[] };
  readonly made: {
    readonly run: string;
    readonly domain: string;
    readonly isolation: string;
    readonly network: boolean;
    readonly secrets: boolean;
  };
}

/** Results that lie in a domain. */
function made(data: string, domain: string): readonly Result[] {
  const directory = join(servicePaths(data).store, "results", domain);
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")) as Result);
}
