import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Clock } from "../../clock/clock.ts";
import type { ServiceConfig } from "../../config-service.ts";
import { git } from "../../twin/bare.ts";
import { startTwin, type Twin } from "../../twin/twin.ts";
import type { TwinPullRequest, TwinRepository } from "../../twin/world.ts";
import { installed } from "../local/installed.ts";
import { openService, type OpenService } from "./open-service.ts";
import { servicePaths } from "./paths.ts";

export interface DemoParts {
  readonly clock: Clock;
  readonly version: string;
  readonly path: string;
  readonly variable: (name: string) => string | undefined;
  readonly print: (text: string) => void;
  readonly log: (line: string) => void;
  readonly stop: AbortSignal;
}

/** What a service is started with to work for a twin. */
export function twinConfig(twin: Twin, data: string): ServiceConfig {
  return {
    app: { id: twin.app.id, privateKey: twin.app.privateKey },
    webhooks: { secret: twin.app.secret, previous: null },
    forge: { web: twin.url, api: twin.apiUrl },
    host: "127.0.0.1",
    port: 0,
    logLevel: "error",
    queue: { kind: "embedded" },
    data,
    operatorFile: null,
    store: null,
    signingKey: null,
    keyless: { wanted: "off", token: false, tokenFile: undefined, fulcio: undefined, rekor: undefined },
  };
}

/** The whole story on this machine: a forge, a service, a real pipeline, a pull request, its run, the merge, releases, a rollback, the audit. */
export async function playDemo(parts: DemoParts): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-demo-"));
  const twin = await startTwin({ directory: join(directory, "forge") });
  const config = twinConfig(twin, join(directory, "data"));
  const { clock, version, path, variable, stop } = parts;
  // Whoever stops it need not read what could not be done any more.
  const logTo = { write: (line: string): void => (stop.aborted ? undefined : parts.log(line)) };
  const opened = await openService({ config, clock, version, path, slots: 2, variable, logTo });
  if (opened.kind !== "opened") {
    if (!stop.aborted) parts.print(`the demo does not start: ${opened.why}\n  next: ${opened.next}\n`);
    await twin[Symbol.asyncDispose]();
    return stop.aborted ? 130 : 75;
  }
  const { service } = opened;
  try {
    twin.forge.deliveries.url = `${service.web.url}/api/github/webhooks`;
    await tell(parts, { twin, service, store: servicePaths(config.data).store });
    parts.print(`  rm -rf ${directory} takes it away.\n`);
    return 0;
  } catch (error) {
    // Also git hears of Ctrl-C, and fails where it is asked something.
    if (!stop.aborted) throw error;
    parts.print(`\nstopped; what there is so far lies in ${directory}\n  next: rm -rf ${directory}\n`);
    return 130;
  } finally {
    await service[Symbol.asyncDispose]();
    await twin[Symbol.asyncDispose]();
  }
}

/** The example's settings, and an environment with a gate and an approval. */
const SETTINGS = `version: 1
pipelines: "pipelines/*.yaml"
environments:
  staging: { gates: ["metrics.accuracy >= 0.93"], approvals: { count: 1 } }
`;

interface Stage {
  readonly twin: Twin;
  readonly service: OpenService;
  /** The directory of the service's store. */
  readonly store: string;
}

/** Seconds that any one stage may take before the demo gives up and says which it was. */
const PATIENCE_S = 60;

async function tell(parts: DemoParts, { twin, store }: Stage): Promise<void> {
  const { print } = parts;
  const { forge } = twin;
  const began = parts.clock.now();
  const say = (text: string): void =>
    print(`\n[${((parts.clock.now() - began) / 1_000).toFixed(1).padStart(4)} s] ${text}\n`);
  const until = async (what: string, fact: () => boolean | Promise<boolean>): Promise<void> => {
    const end = parts.clock.now() + PATIENCE_S * 1_000;
    while (!(await fact())) {
      if (parts.stop.aborted) throw new Error("stopped");
      if (parts.clock.now() > end) throw new Error(`the demo waited ${PATIENCE_S} s for this: ${what}`);
      await parts.clock.wait(50, parts.stop);
    }
  };
  say(`A forge of this machine is at ${twin.url}; the service listens beside it, on a PostgreSQL of its own.`);
  const repository = await forge.repository({
    owner: "acme",
    name: "digits",
    files: { ...exampleFiles(), "sluice.yaml": new TextEncoder().encode(SETTINGS) },
    roles: { ada: "write", grace: "maintain" },
  });
  say("acme/digits is pushed: the service plans the tip of main, runs it once, and commits the record.");
  await until("the first run", async () => (await ledger(repository)).includes("Sluice-Trigger: push"));
  print(indented(await ledgerLine(repository)));

  const before = new TextDecoder().decode(exampleFiles()["params.yaml"]);
  const params = before.replace(/learning_rate: [\d.]+/, "learning_rate: 0.05");
  await forge.commit(repository, {
    branch: "slower",
    files: { "params.yaml": params },
    message: "Learn slower",
    login: "ada",
  });
  const pull = await forge.openPull(repository, { branch: "slower", title: "Learn slower", login: "ada" });
  say(`ada opens pull request #${pull.number}: ${twin.url}/acme/digits/pull/${pull.number}`);
  await until("the plan", () => sticky(repository, pull) !== undefined);
  print(indented(sticky(repository, pull) ?? ""));

  say("ada comments `/sluice run`: the change is tried in the pull request.");
  forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user("ada"), app: null });
  await until("the run of the pull request", () => sticky(repository, pull)?.includes("| log_loss") === true);
  print(indented((sticky(repository, pull) ?? "").split("### Sluice")[0] ?? ""));

  say("grace merges. What the pull request computed in a sandbox is reused; the merge is recorded.");
  await forge.merge(repository, pull, { login: "grace" });
  await until(
    "the merge's run",
    async () => ((await ledger(repository)).match(/Sluice-Trigger: push/g) ?? []).length === 2,
  );
  print(indented(await ledgerLine(repository)));
  await releases(parts, { say, until, repository, twin, pull });
  say("Everything is left for you to look at: the ledger is a branch like any other.");
  print(`  git -C ${repository.directory} log sluice/ledger\n`);
  print(
    `  git clone ${repository.directory} digits && cd digits && sluice status && sluice audit && sluice verify --all\n`,
  );
  print(`  SLUICE_STORE_URL=${store} sluice get staging:digits:build/model.json -o live   # in that clone\n`);
}

interface Telling {
  readonly say: (text: string) => void;
  readonly until: (what: string, fact: () => boolean | Promise<boolean>) => Promise<void>;
  readonly repository: TwinRepository;
  readonly twin: Twin;
  readonly pull: TwinPullRequest;
}

/** Promotion by label and approval, a second release, the way back, and who did what. */
async function releases({ print }: DemoParts, { say, until, repository, twin, pull }: Telling): Promise<void> {
  const { forge } = twin;
  const seen = async (what: string): Promise<boolean> => (await ledger(repository)).includes(what);
  const newest = (): TwinPullRequest | undefined =>
    [...repository.pulls.values()].findLast(({ branch }) => branch === "sluice/promote/staging/digits");
  const promoted = async (on: TwinPullRequest, count: number): Promise<TwinPullRequest> => {
    const before = newest();
    forge.label(repository, on, { name: "promote:staging", add: true, login: "ada" });
    await until("the promotion", () => newest() !== before && newest()?.state === "open");
    const page = newest();
    if (page === undefined) throw new Error("the promotion was there, and is not");
    forge.label(repository, page, { name: "approve:staging", add: true, login: "grace" });
    await until(
      "the release",
      async () => (await ledger(repository)).match(/^staging\/digits: released/gm)?.length === count,
    );
    return page;
  };
  say(
    "ada labels the merged pull request `promote:staging`; grace looks at the evidence and labels `approve:staging`.",
  );
  const first = await promoted(pull, 1);
  print(indented(first.body));
  print(indented(await git(repository.directory, ["show", "main:environments/staging/digits.yaml"])));

  say("A second change is merged, runs, and is released the same way.");
  const before = new TextDecoder().decode(exampleFiles()["params.yaml"]);
  const params = before.replace(/learning_rate: [\d.]+/, "learning_rate: 0.2");
  await forge.commit(repository, {
    branch: "faster",
    files: { "params.yaml": params },
    message: "Learn faster",
    login: "ada",
  });
  const second = await forge.openPull(repository, { branch: "faster", title: "Learn faster", login: "ada" });
  await forge.merge(repository, second, { login: "grace" });
  await until(
    "the second merge's run",
    async () => ((await ledger(repository)).match(/Sluice-Trigger: push/g) ?? []).length === 3,
  );
  const page = await promoted(second, 2);
  print(indented(await git(repository.directory, ["show", "main:environments/staging/digits.yaml"])));

  say("It is bad. grace comments `/sluice rollback staging`: nothing is computed, and the environment is held.");
  forge.comment(repository, page.number, {
    body: "/sluice rollback staging",
    user: forge.world.user("grace"),
    app: null,
  });
  await until("the rollback", () => seen("staging/digits: rolled-back by grace"));
  await until("the pin", async () =>
    (await git(repository.directory, ["log", "-1", "--format=%s", "main"])).startsWith("Roll digits back"),
  );

  say("The audit: who asked, who agreed and what was released, by plain git.");
  const facts = [
    "log",
    "--reverse",
    "--format=%h %s",
    "--grep",
    "^Sluice-Environment: staging$",
    "sluice/ledger",
    "--",
  ];
  print(indented(await git(repository.directory, facts)));
}

function sticky(repository: TwinRepository, pull: TwinPullRequest): string | undefined {
  return repository.comments.get(pull.number)?.find((comment) => comment.app !== null)?.body;
}

async function ledger({ directory }: TwinRepository): Promise<string> {
  try {
    return await git(directory, ["log", "--format=%s%n%b", "sluice/ledger", "--"]);
  } catch {
    return "";
  }
}

async function ledgerLine({ directory }: TwinRepository): Promise<string> {
  return git(directory, ["log", "-1", "--format=%h %s%n%n%b", "sluice/ledger", "--"]);
}

function indented(text: string): string {
  return `${text
    .trim()
    .split("\n")
    .map((line) => `    ${line}`.trimEnd())
    .join("\n")}\n`;
}

/** The files of `examples/digits`, wherever this program is installed. */
function exampleFiles(): Readonly<Record<string, Uint8Array>> {
  return filesBelow(installed("examples", "digits"), "");
}

function filesBelow(directory: string, prefix: string): Readonly<Record<string, Uint8Array>> {
  return Object.assign(
    {},
    ...readdirSync(directory, { withFileTypes: true }).map((entry) => {
      const path = `${prefix}${entry.name}`;
      const at = join(directory, entry.name);
      if (!entry.isDirectory()) return { [path]: readFileSync(at) };
      return entry.name === ".sluice" || entry.name === ".git" ? {} : filesBelow(at, `${path}/`);
    }),
  ) as Readonly<Record<string, Uint8Array>>;
}
