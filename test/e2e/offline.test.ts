import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { suffer } from "../../src/twin/suffer.ts";
import { ENV, sluiceIn, type Answer } from "../sluice.ts";
import { outside, ship } from "./outside.ts";
import { digits } from "./repositories.ts";
import { gitIn, minutePasses, town } from "./town.ts";

const SETTINGS = `version: 1
pipelines: pipelines/*.yaml
secrets:
  TOKEN: { from: "env:TOKEN", pipelines: [ship], on: [deploy] }
environments:
  prod: { auto: true, deploy: pipelines/ship.yaml }
`;
const OPERATOR = `version: 1
installations: [{ account: acme, sources: ["env:TOKEN"] }]
`;

test("an operator rolls back while the forge is away, and the service takes that in once", async () => {
  const place = await town({ operator: OPERATOR, variables: { TOKEN: "s3cr3t-t0k3n" } });
  const there = await outside();
  const { directory, twin } = place;
  const until: typeof place.until = (what, fact) => place.until(what, fact);
  const { forge } = twin;
  const repository = await digits(forge, {
    "sluice.yaml": SETTINGS,
    "pipelines/ship.yaml": ship(there.port),
    "say.sh": "",
  });
  const events = async (): Promise<readonly string[]> => {
    const log = await gitIn(repository.directory, "log", "--format=%s", "sluice/ledger", "--").catch(() => "");
    return (log.match(/^prod\/sum: .*$/gm) ?? []).toReversed();
  };
  const deployed = async (): Promise<number> => (await events()).filter((one) => one.includes(": deployed")).length;
  await until("the first is deployed", async () => (await deployed()) === 1);
  await forge.commit(repository, {
    branch: "main",
    message: "More",
    login: "alice",
    files: { "params.yaml": "plus: 2\n" },
  });
  await until("the second is deployed", async () => (await deployed()) === 2);
  const [first = "", second = ""] = there.came.map(([, , run]) => run);
  const before = await events();
  const away = await suffer(forge, { kind: "server-error", status: 503 });

  // On the service's machine everything that is needed is there: its mirror, its store and its key.
  const clone = join(directory, "clone");
  const data = join(directory, "data");
  const mirror = join(data, "repositories", String(repository.id), "mirror.git");
  await gitIn(directory, "clone", "-q", mirror, clone);
  const env = { ...ENV, SLUICE_DATA: data, TOKEN: "s3cr3t-t0k3n", USER: "otto" };
  const rollBack = (...words: readonly string[]): Promise<Answer> =>
    sluiceIn(clone, ["rollback", "prod", ...words, "--offline"], env);
  there.answer = "broken";
  const failed = await rollBack("sum");
  expect([failed.code, failed.stdout], failed.stderr).toEqual([
    1,
    expect.stringMatching(
      new RegExp(`rolled back: prod/sum to run ${first}, held(?:.|\n)*deployment 3 of prod failed`),
    ),
  ]);
  there.answer = "fine";
  const done = await rollBack();
  expect([done.code, done.stdout], done.stderr).toEqual([0, expect.stringContaining("deployment 4 of prod succeeded")]);
  expect(done.stderr).toContain("the service of this machine records it when the forge is back");
  expect(await events()).toEqual(before);

  // What was done long ago is told when the ledger has it.
  const pages = JSON.stringify(repository.deployments);
  forge.aheadMs = 2 * 3_600_000;
  away.end();
  await minutePasses(place);
  const after = [
    ...before,
    "prod/sum: rolled-back by otto · rolled back offline",
    "prod/sum: deployed by otto, failed · offline: exit code 1",
    "prod/sum: deployed by otto, succeeded",
  ];
  await until("it is recorded", async () => (await events()).length >= after.length);
  await until(
    "the forge's page says so",
    () =>
      JSON.stringify(repository.deployments) !== pages &&
      repository.deployments.at(-1)?.statuses.at(-1)?.state === "success",
  );
  await minutePasses(place);
  await until("it is forgotten", async () => (await gitIn(mirror, "for-each-ref", "refs/sluice/offline-here")) === "");
  expect(await events()).toEqual(after);
  expect(there.came.map((words) => words.join(" "))).toEqual([
    `prod 1 ${first} 42 s3cr3t-t0k3n`,
    `prod 2 ${second} 43 s3cr3t-t0k3n`,
    `prod 3 ${first} 42 s3cr3t-t0k3n`,
    `prod 4 ${first} 42 s3cr3t-t0k3n`,
  ]);

  // From elsewhere with the key and the store alone; what somebody else lays there counts for nothing, and is told.
  const elsewhere = {
    ...ENV,
    SLUICE_SIGNING_KEY: readFileSync(join(data, "keys", "ed25519.pem"), "utf8"),
    SLUICE_STORE_URL: join(data, "store"),
    TOKEN: "other",
  };
  const again = await sluiceIn(clone, ["rollback", "prod", "sum", second, "--offline"], elsewhere);
  expect([again.code, again.stdout], again.stderr).toEqual([
    0,
    expect.stringContaining("deployment 5 of prod succeeded"),
  ]);
  const [, push = ""] = /git push origin (\S+)/.exec(again.stderr) ?? [];
  await gitIn(
    clone,
    "push",
    "-q",
    repository.directory,
    `${push}:${push}`,
    "origin/main:refs/sluice/offline/prod/other",
  );
  await minutePasses(place);
  await until("it is recorded too", async () => (await events()).length === after.length + 2);
  await until("the other one is told", () =>
    [...repository.issues.values()].some(
      ({ state, body }) => state === "open" && body.includes("refs/sluice/offline/prod/other"),
    ),
  );
  const refs = (): Promise<string> =>
    gitIn(repository.directory, "for-each-ref", "--format=%(refname)", "refs/sluice/offline");
  await until("only the other one is left", async () => (await refs()) === "refs/sluice/offline/prod/other\n");
  expect(there.came.slice(4).map((words) => words.join(" "))).toEqual([`prod 5 ${second} 43 other`]);
}, 300_000);
