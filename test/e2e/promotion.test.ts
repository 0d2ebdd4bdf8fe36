import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { REPRODUCTIONS } from "../../src/release/reproduction.ts";
import type { TwinForge } from "../../src/twin/forge.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { ISSUER, sigstoreHere, WORKFLOW } from "../signer/sigstore-here.ts";
import { ENV, sluiceIn } from "../sluice.ts";
import { ledgerLog } from "./ledger-log.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { gitIn, minutePasses, town, type Town } from "./town.ts";

const settings = (...gates: readonly string[]): string => `version: 1
pipelines: pipelines/*.yaml
environments:
  staging:
    gates: ${JSON.stringify(["metrics.total > 40", ...gates])}
    approvals: { count: 1 }
`;

interface Stage extends Town {
  /** What a workflow of CI finds in its environment. */
  readonly workflow: Readonly<Record<string, string>>;
  readonly forge: TwinForge;
  readonly repository: TwinRepository;
  readonly pull: TwinPullRequest;
  readonly ledger: () => Promise<string>;
  readonly promotion: () => TwinPullRequest | undefined;
}

/** A change of alice's is merged and ran; bob may write, mallory may read. */
async function merged(...gates: readonly string[]): Promise<Stage> {
  const sigstore = await trusting();
  const place = await town(sigstore);
  const { forge } = place.twin;
  const repository = await digits(forge, { "sluice.yaml": settings(...gates) });
  repository.roles.set("bob", "write");
  await forge.commit(repository, { branch: "more", ...PLUS_TWO });
  const pull = await forge.openPull(repository, { branch: "more", title: "Add more", login: "alice" });
  const ledger = (): Promise<string> => ledgerLog(repository);
  await forge.merge(repository, pull, { login: "alice" });
  // First contact may be recorded before it: the merge is the second run.
  await place.until("the first run is recorded", async () => (await ledger()).includes("Sluice-Run"));
  await place.until("the merge is recorded", async () => (await ledger()).includes("total 43"));
  const promotion = (): TwinPullRequest | undefined =>
    [...repository.pulls.values()].findLast(({ branch }) => branch === "sluice/promote/staging/sum");
  return { ...place, workflow: sigstore.workflow, forge, repository, pull, ledger, promotion };
}

/** A Sigstore, with a service that has a token for it and trusts a workflow. */
async function trusting(): Promise<Pick<Stage, "workflow"> & Parameters<typeof town>[0]> {
  const here = await sigstoreHere();
  const directory = mkdtempSync(join(tmpdir(), "sluice-sigstore-"));
  onTestFinished(async () => {
    await here[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });
  const [root, tokenFile] = [join(directory, "trusted_root.json"), join(directory, "token")];
  writeFileSync(root, here.root);
  writeFileSync(tokenFile, here.token({ sub: "https://sluice.example.org" }));
  return {
    operator: `version: 1\nsigstore: { trusted_root: "${root}", identities: [{ issuer: "${ISSUER}", subject: "${WORKFLOW}" }] }\n`,
    keyless: { wanted: undefined, token: true, tokenFile, fulcio: here.url, rekor: here.url },
    workflow: { SIGSTORE_ID_TOKEN: here.token(), SLUICE_FULCIO_URL: here.url, SLUICE_REKOR_URL: here.url },
  };
}

/**
 * Somebody computes the candidate again in a clone, with the operator's key, and pushes that; another one pushes what
 * counts for nothing. Then a workflow does so, whose key nobody knows and whose name the operator lists.
 */
async function reproduced(place: Stage, asked: TwinPullRequest): Promise<void> {
  const { directory, repository, ledger, workflow } = place;
  const until: typeof place.until = (what, fact) => place.until(what, fact);
  const [, run = ""] = /sluice reproduce ([0-9a-z]{8})/.exec(asked.body) ?? [];
  const clone = join(directory, "clone");
  await gitIn(directory, "clone", "-q", repository.directory, clone);
  const key = readFileSync(join(directory, "data", "keys", "ed25519.pem"), "utf8");
  const again = await sluiceIn(clone, ["reproduce", run], { ...ENV, SLUICE_SIGNING_KEY: key });
  expect([again.code, again.stdout], again.stderr).toEqual([0, expect.stringContaining("gives the same again: 3 ")]);
  const [, waiting = ""] = /git push origin (\S+)/.exec(again.stderr) ?? [];
  await gitIn(clone, "push", "-q", "origin", waiting);
  const unknown = await sluiceIn(clone, ["reproduce", run], { ...ENV, ...workflow });
  expect(unknown.stderr).toContain("`signing_keys`");
  expect(unknown.stderr).toContain("if `sigstore` there lists who signed keyless");
  const whole = waiting.slice(REPRODUCTIONS.length);
  const other = `${REPRODUCTIONS}${"0".repeat(26)}`;
  await gitIn(clone, "push", "-q", "origin", `${waiting}:${other}`);
  await minutePasses(place);
  await until("it is recorded", async () => (await ledger()).includes("Sluice-Reproduced: true"));
  expect(await ledger()).toContain(`Sluice-Event: reproduced\nSluice-Pipeline: sum\nSluice-Run: ${whole}\n`);
  await until("the other one is told", () =>
    [...repository.issues.values()].some(({ state, body }) => state === "open" && body.includes(other)),
  );
  const refs = () => gitIn(repository.directory, "for-each-ref", "--format=%(refname)", REPRODUCTIONS);
  await until("only the other one is left", async () => (await refs()) === `${other}\n`);
  await gitIn(clone, "push", "-q", "origin", waiting);
  await minutePasses(place);
  await until(
    "the workflow's is recorded too",
    async () => (await ledger()).split("Sluice-Reproduced: true").length === 3,
  );
  const files = await gitIn(repository.directory, "ls-tree", "-r", "--name-only", "sluice/ledger");
  expect(files.match(/reproductions\/[0-9a-f]{32}\.sigstore\.json/g)).toHaveLength(1);
  for (const named of [/^releases\/.*\.sigstore\.json$/m, new RegExp(`/${whole}/manifest\\.sigstore\\.json$`, "m")])
    expect(files).toMatch(named);
}

test(
  "a label opens the promotion, somebody reproduces its run, somebody else agrees, and git says the rest",
  {
    timeout: 300_000,
  },
  async () => {
    const place = await merged("run.reproducible == true");
    const { forge, repository, pull, ledger, promotion } = place;
    const until: typeof place.until = (what, fact) => place.until(what, fact);
    const label = (on: TwinPullRequest, name: string, login: string, add = true): void =>
      forge.label(repository, on, { name, add, login });

    label(pull, "promote:staging", "mallory");
    label(pull, "promote:stagin", "alice");
    await until("neither label stands there", () => pull.labels.every((name) => !name.startsWith("promote:")));
    const told = (): string => (repository.comments.get(pull.number) ?? []).map(({ body }) => body).join("\n");
    await until("mallory is told", () => told().includes("this account may not promote"));
    expect(told()).toContain("did you mean `promote:staging`?");
    label(pull, "promote:staging", "alice");
    await until("the promotion is there", () => promotion() !== undefined);
    const asked = promotion();
    if (asked === undefined) throw new Error("unreachable: it is there");
    expect(await ledger()).not.toContain("Sluice-Requested-By: mallory");
    expect(asked.body).toContain("**43**");
    await until("the page says what to do for the gate", () => asked.body.includes("sluice reproduce"));
    await reproduced(place, asked);
    await until("the page says what is missing", () =>
      asked.body.startsWith("### Promote `sum` to `staging` · waiting for 1 approval from people who may write"),
    );
    expect(await gitIn(repository.directory, "diff", "--name-only", `main...${asked.head}`)).toBe(
      "environments/staging/sum.yaml\n",
    );

    // Whoever wrote the change does not agree to it, and is told so.
    label(asked, "approve:staging", "alice");
    await until("alice's label is gone", () => !asked.labels.includes("approve:staging"));
    const check = () => repository.checks.findLast(({ name }) => name === "sluice / promote (staging)");
    await until("the check waits", () => check()?.output.summary.includes("waiting for 1 approval") === true);
    expect(asked.merged).toBe(false);

    // What is shown is new: a label that comes too soon after that counts for what was shown before, and is taken off.
    await until("it is merged", () => {
      if (!asked.merged && !asked.labels.includes("approve:staging")) label(asked, "approve:staging", "bob");
      return asked.merged;
    });
    await until("it is released", async () => (await ledger()).includes("Sluice-Event: released"));
    const said = await ledger();
    expect(said).toMatch(/^staging\/sum: released by alice/);
    expect(said).toContain("Sluice-Approved-By: bob");
    expect(said).not.toContain("Sluice-Approved-By: alice");
    expect(await gitIn(repository.directory, "show", "main:environments/staging/sum.yaml")).toContain(
      'pipeline: "sum"',
    );
    expect([...repository.pulls.values()].filter(({ branch }) => branch.startsWith("sluice/"))).toHaveLength(1);
    expect(await gitIn(repository.directory, "fsck", "--strict", "--no-dangling")).toBe("");
  },
);

test("commands release, roll back and hold; automation never crosses the hold", { timeout: 300_000 }, async () => {
  const place = await merged();
  const { forge, repository, pull, ledger, promotion } = place;
  const until: typeof place.until = (what, fact) => place.until(what, fact);
  repository.roles.set("max", "maintain");
  const say = (on: TwinPullRequest, login: string, body: string): void =>
    void forge.comment(repository, on.number, { body, user: forge.world.user(login), app: null });
  const pin = () => gitIn(repository.directory, "show", "main:environments/staging/sum.yaml").catch(() => "");
  const releases = async (): Promise<number> => (await ledger()).match(/^staging\/sum: released/gm)?.length ?? 0;

  say(pull, "mallory", "/sluice promote staging");
  await until("mallory is refused", () =>
    (repository.comments.get(pull.number) ?? []).some(({ reactions }) =>
      reactions.some(({ content }) => content === "confused"),
    ),
  );
  say(pull, "alice", "/sluice promote staging");
  await until("the promotion is there", () => promotion() !== undefined);
  const first = promotion();
  if (first === undefined) throw new Error("unreachable: it is there");
  say(first, "bob", "/sluice approve staging");
  await until("it is released", async () => (await releases()) === 1);
  const before = await pin();
  expect(before).toContain("sum");
  expect(await ledger()).toContain("Sluice-Approved-By: bob");

  // A second release, of another change.
  await forge.commit(repository, {
    branch: "most",
    files: { "params.yaml": "plus: 3\n" },
    message: "3",
    login: "alice",
  });
  const second = await forge.openPull(repository, { branch: "most", title: "Three", login: "alice" });
  await forge.merge(repository, second, { login: "alice" });
  await until("its run is recorded", async () => (await ledger()).includes("total 44"));
  say(second, "alice", "/sluice promote staging sum");
  await until("it has a page of its own", () => promotion() !== first && promotion()?.state === "open");
  const page = promotion();
  if (page === undefined) throw new Error("unreachable: it is there");
  say(page, "bob", "/sluice approve staging");
  await until("the second is released", async () => (await releases()) === 2);
  expect(await pin()).not.toBe(before);

  // What was merged into another branch has no run that may be released.
  await forge.commit(repository, { branch: "dev", files: { "a.txt": "a\n" }, message: "a", login: "alice" });
  await forge.commit(repository, { branch: "b", files: { "b.txt": "b\n" }, message: "b", login: "alice" });
  const aside = await forge.openPull(repository, { branch: "b", base: "dev", title: "Aside", login: "alice" });
  await forge.merge(repository, aside, { login: "alice" });
  forge.label(repository, aside, { name: "promote:staging", add: true, login: "alice" });

  // A label asks for the newest run, which is not the one of this change any more.
  forge.label(repository, pull, { name: "promote:staging", add: true, login: "alice" });
  await until("the late label is taken off", () => !pull.labels.includes("promote:staging"));
  await until("what to say instead is told", () =>
    (repository.comments.get(pull.number) ?? []).some(({ body }) =>
      /newest run, and that of `sum` is of a later change; comment `\/sluice promote staging sum` for that one, or `\/sluice promote staging sum \w{8}`/.test(
        body,
      ),
    ),
  );
  await until("the label elsewhere is taken off", () => !aside.labels.includes("promote:staging"));
  await until("where to put it is told", () =>
    (repository.comments.get(aside.number) ?? []).some(({ body }) => body.includes("was merged into `dev`")),
  );

  // How many runs there are by now depends on which pushes one look took together.
  const runs = async (): Promise<number> => (await ledger()).match(/^sum: /gm)?.length ?? 0;
  const computed = await runs();
  say(page, "bob", "/sluice rollback staging");
  say(page, "max", "/sluice rollback staging");
  await until("it is rolled back", async () => (await ledger()).includes("staging/sum: rolled-back by max"));
  expect(await ledger()).not.toContain("rolled-back by bob");
  await until("the pin follows", async () => (await pin()) === before);
  // Nothing is computed for it: the ledger has the same runs as before.
  expect(await runs()).toBe(computed);

  say(page, "alice", "/sluice promote staging");
  await until("the hold is told", () =>
    repository.checks.some(({ output }) => output.summary.includes("held by max: rolled back")),
  );
  expect(await releases()).toBe(2);
  expect(await gitIn(repository.directory, "fsck", "--strict", "--no-dangling")).toBe("");
});
