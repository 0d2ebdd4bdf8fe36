import { expect, test } from "vitest";

import type { TwinPullRequest } from "../../src/twin/world.ts";
import { ledgerLog } from "./ledger-log.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { gitIn, town } from "./town.ts";

const SETTINGS = `version: 1
pipelines: pipelines/*.yaml
environments:
  staging: { approvals: { count: 1 } }
  prod:
    after: staging
    gates: ["metrics.total > 100"]
    approvals: { count: 2 }
`;

test("in need one person releases past gates and approvals, never past a hold, and everybody is told", async () => {
  const place = await town();
  const { twin } = place;
  const until: typeof place.until = (what, fact) => place.until(what, fact);
  const { forge } = twin;
  const repository = await digits(forge, { "sluice.yaml": SETTINGS });
  repository.roles.set("max", "maintain");
  repository.roles.set("root", "admin");
  const ledger = (): Promise<string> => ledgerLog(repository);
  const say = (on: TwinPullRequest, login: string, body: string): void =>
    void forge.comment(repository, on.number, { body, user: forge.world.user(login), app: null });
  const answers = (on: TwinPullRequest): string =>
    (repository.comments.get(on.number) ?? []).map(({ app, body }) => (app === null ? "" : body)).join("\n");
  const pin = (): Promise<string> =>
    gitIn(repository.directory, "show", "main:environments/prod/sum.yaml").catch(() => "");
  const issues = () => [...repository.issues.values()].filter(({ title }) => title.startsWith("prod was forced"));

  await until("the first run is recorded", async () => (await ledger()).includes("total 42"));
  await forge.commit(repository, { branch: "more", ...PLUS_TWO });
  const pull = await forge.openPull(repository, { branch: "more", title: "Add more", login: "alice" });
  await forge.merge(repository, pull, { login: "alice" });
  await until("the merge is recorded", async () => (await ledger()).includes("total 43"));

  say(pull, "max", "/sluice promote prod sum --break-glass it burns");
  await until("max may not", () => answers(pull).includes("releasing past gates and approvals needs admin permission"));
  say(pull, "root", "/sluice hold prod/sum the fair");
  await until("it is held", async () => (await ledger()).includes("prod/sum: held by root"));
  say(pull, "root", "/sluice promote prod sum --break-glass it burns");
  await until("a hold stands", () => answers(pull).includes("held by root: the fair; this lifts no hold"));
  expect(await ledger()).not.toContain("forced");

  say(pull, "root", "/sluice unhold prod/sum");
  await until("it is held no more", async () => (await ledger()).includes("prod/sum: unheld by root"));
  say(pull, "root", "/sluice promote prod sum --break-glass it burns @acme/all <b>");
  await until("it is forced", async () => (await ledger()).includes("prod/sum: forced by root · it burns"));
  await until("the pin follows", async () => (await pin()).includes('environment: "prod"'));
  await until("everybody is told", () => issues().length === 1);
  const [issue] = issues();
  for (const words of [
    "root",
    "it burns",
    "it is not live in staging",
    "gate metrics.total &gt; 100 does not hold",
    "waiting for 2 approvals from people who may write",
  ])
    expect(issue?.body).toContain(words);
  expect(issue?.body).not.toMatch(/@acme|<b>/);

  // Signed like every event, with what was passed over in the same record.
  const [path = ""] = (await gitIn(repository.directory, "grep", "-l", '"kind": "forced"', "sluice/ledger")).split(
    "\n",
  );
  const record = JSON.parse(await gitIn(repository.directory, "show", path)) as Record<string, unknown>;
  expect(record).toMatchObject({
    kind: "forced",
    reason: "it burns @acme/all <b>",
    by: { login: "root" },
  });
  expect(record["skipped"]).toHaveLength(3);
  expect(await gitIn(repository.directory, "show", path.replace(".json", ".sig.json"))).toContain("signatures");

  say(pull, "root", "/sluice promote prod sum --break-glass again");
  await until("it is live already", () => answers(pull).includes("is live in `prod` already"));
  expect(issues()).toHaveLength(1);
  expect((await ledger()).match(/prod\/sum: forced/g)).toHaveLength(1);
}, 480_000);
