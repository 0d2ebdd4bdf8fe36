import { expect, test } from "vitest";

import { isWrite, type Asked, type Fault } from "../../src/twin/faults.ts";
import { suffer } from "../../src/twin/suffer.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { AT_NIGHT, NIGHTLY } from "../nightly.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { expectInOrder, own } from "./order.ts";
import { accepted, gitIn, minutePasses, recorded, town, type Town } from "./town.ts";

interface Trouble {
  readonly name: string;
  readonly fault: (repository: TwinRepository) => Fault;
  /** Requests that it meets; without it, until as many have met it as `enough` says. */
  readonly times?: number;
  readonly enough?: number;
  readonly only?: (asked: Asked) => boolean;
  /** Close to one of the others. */
  readonly atNight?: boolean;
}

const limit = { only: ({ over }: Asked) => over === "api", enough: 1 };
const TROUBLES: readonly Trouble[] = [
  { name: "a spent limit", fault: () => ({ kind: "primary-limit", seconds: 2 }), ...limit, atNight: true },
  { name: "too much at once", fault: () => ({ kind: "secondary-limit", status: 429, seconds: 2 }), ...limit },
  { name: "a server that breaks", fault: () => ({ kind: "server-error", status: 503 }), enough: 4, atNight: true },
  {
    name: "writes that break",
    fault: () => ({ kind: "server-error", status: 500 }),
    enough: 2,
    only: isWrite,
    atNight: true,
  },
  { name: "connections that close", fault: () => ({ kind: "closed" }), times: 6, atNight: true },
  { name: "answers that are lost", fault: () => ({ kind: "answer-lost" }), times: 3, only: isWrite },
  { name: "tokens that end early", fault: () => ({ kind: "tokens-expired" }), atNight: true },
];

/** Lets a repository live with a trouble while something is done there, and ends it when it was met. */
async function during(
  place: Town,
  repository: TwinRepository,
  { trouble, act }: { readonly trouble: Trouble; readonly act: () => Promise<void> },
): Promise<void> {
  const { forge } = place.twin;
  const tried = { writes: 0 };
  const fault = trouble.fault(repository);
  const only = (asked: Asked): boolean => {
    if (trouble.only?.(asked) === false) return false;
    if (isWrite(asked)) tried.writes++;
    return true;
  };
  const now = await suffer(forge, fault, { only, ...(trouble.times !== undefined && { times: trouble.times }) });
  await act();
  if (trouble.enough !== undefined) await place.until("it was met", () => now.met >= (trouble.enough ?? 0));
  // Somebody who asks again and again while a limit is spent is shut out for longer.
  if ("seconds" in fault) {
    await place.until("the limit is over", () => now.over);
    expect(tried.writes).toBeLessThanOrEqual(1);
  }
  if (trouble.times !== undefined) await place.until("all of them were met", () => now.over);
  now.end();
}

for (const trouble of TROUBLES) {
  const { name, atNight = false } = trouble;
  const when = atNight ? AT_NIGHT : "";
  test.skipIf(atNight && !NIGHTLY)(
    `${name}: one comment, one check of a name, one manifest of a run${when}`,
    { timeout: 240_000 },
    async () => {
      const place = await town();
      const { forge } = place.twin;
      const repository = await digits(forge);
      await place.until("first contact", async () => (await recorded(repository)).length === 1);
      let pull: TwinPullRequest | undefined;
      await during(place, repository, {
        trouble,
        async act() {
          await forge.commit(repository, { ...PLUS_TWO, branch: "more" });
          pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
          await forge.deliveries.idle();
        },
      });
      if (pull === undefined) throw new Error("it was not opened");
      const { number } = pull;
      await minutePasses(place);
      await place.until("the plan is there", () => own(repository, number).length > 0);
      await place.until("its check is there", () => repository.checks.some(({ head }) => head === pull?.head));
      let merged: string | null = null;
      await during(place, repository, {
        trouble,
        async act() {
          if (pull !== undefined) merged = await forge.merge(repository, pull, { login: "alice" });
          await forge.deliveries.idle();
        },
      });
      await minutePasses(place);
      await place.until("the merge is recorded", async () => (await recorded(repository)).length === 2);
      await place.until("nothing is open", async () => (await accepted(repository)) === "");
      await minutePasses(place);
      const checks = () => repository.checks.filter(({ head }) => head === merged);
      await place.until("the merge's check says so", () => checks().some(({ conclusion }) => conclusion === "success"));
      await expectInOrder(place, repository);
      expect(await recorded(repository)).toEqual(["sum push succeeded", "sum push succeeded"]);
      expect(own(repository, number)).toHaveLength(1);
    },
  );
}

/** Long enough for something to happen meanwhile; the metric says in which second it was executed. */
const EXECUTED = `echo 1 > sum.txt\necho "{\\"total\\": $(( $(date +%s) % 10000 ))}" > metrics.json\n`;
const SLOW = {
  "pipelines/sum.yaml": `version: 1
name: sum
params: params.yaml
steps:
  add: { run: sh add.sh, inputs: [add.sh], params: [plus], outputs: [sum.txt], metrics: [metrics.json], cache: false }
metrics:
  total: { step: add, goal: higher }
`,
  "add.sh": `${EXECUTED}sleep 4\n`,
};
const QUICK = { ...SLOW, "add.sh": EXECUTED };

test(
  "taken out in the middle of a run and put back: the run is recorded, and the plan is there",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge, QUICK);
    await place.until("first contact", async () => (await recorded(repository)).length === 1);
    const files = { ...PLUS_TWO.files, "add.sh": SLOW["add.sh"] };
    await forge.commit(repository, { ...PLUS_TWO, files, branch: "more" });
    const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
    const { number } = pull;
    const say = { body: "/sluice run", user: forge.world.user("alice"), app: null };
    forge.comment(repository, number, say);
    await place.until("a run is accepted", async () => (await accepted(repository)) !== "");
    const asked = place.twin.exchanges.length;
    const out = await suffer(forge, { kind: "uninstalled", installation: repository.installation });
    await forge.deliveries.idle();
    await minutePasses(place);
    await place.until("it was refused", () =>
      place.twin.exchanges
        .slice(asked)
        .some(({ call, status }) => call.path.endsWith("/access_tokens") && status === 404),
    );
    await minutePasses(place);
    expect(await recorded(repository)).toHaveLength(1);
    out.end();
    await forge.deliveries.idle();
    await place.until("both are recorded", async () => (await recorded(repository)).length === 2);
    expect((await recorded(repository)).toSorted()).toEqual(["sum command succeeded", "sum push succeeded"]);
    await minutePasses(place);
    await place.until("the run is told", () =>
      own(repository, number).some(({ body }) => body.includes("1 of 1 step done")),
    );
    await expectInOrder(place, repository);
  },
);

test("renamed in the middle of a run: everything goes on under the new name", { timeout: 240_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge, SLOW);
  await place.until("a run is accepted", async () => (await accepted(repository)) !== "");
  await suffer(forge, { kind: "renamed", repository, to: "numbers" });
  const files = { ...PLUS_TWO.files, "add.sh": QUICK["add.sh"] };
  await forge.commit(repository, { ...PLUS_TWO, files, branch: "more" });
  const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  await place.until("the plan is there", () => own(repository, pull.number).length === 1);
  await place.until("the run is recorded", async () => (await recorded(repository)).length === 1);
  // Whoever gets the old name gets nothing that was meant for this one.
  forge.world.moved.clear();
  const other = await forge.repository({ owner: "acme", name: "digits", files: { "README.md": "x\n" } });
  const merged = await forge.merge(repository, pull, { login: "alice" });
  await place.until("the merge is recorded", async () => (await recorded(repository)).length === 2);
  await minutePasses(place);
  const check = () => repository.checks.find(({ head }) => head === merged);
  await place.until("the merge's check says so", () => check()?.conclusion === "success");
  await expectInOrder(place, repository);
  expect(other.checks).toEqual([]);
  expect(await gitIn(other.directory, "for-each-ref", "refs/sluice", "refs/heads/sluice")).toBe("");
});

test("a run that cannot be recorded at first is executed once", { timeout: 240_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge, SLOW);
  await place.until("a run is accepted", async () => (await accepted(repository)) !== "");
  const broken = await suffer(
    forge,
    { kind: "server-error", status: 500 },
    { only: (asked) => asked.over === "git" && isWrite(asked), times: 3 },
  );
  await place.until("recording it failed", () => broken.met > 0);
  const failed = Math.floor(Date.now() / 1_000) % 10_000;
  await place.until("it failed again", () => broken.met > 1);
  // A look at the repository is another try; the one that succeeds comes by itself.
  await minutePasses(place);
  await place.until("it failed again and again", () => broken.over);
  await place.until("the run is recorded", async () => (await recorded(repository)).length === 1);
  await expectInOrder(place, repository);
  const subject = await gitIn(repository.directory, "log", "-1", "--format=%s", "sluice/ledger");
  const executed = Number(/total ([\d,]+)/.exec(subject)?.[1]?.replaceAll(",", ""));
  expect((failed - executed + 10_000) % 10_000).toBeLessThan(5_000);
});

test(
  "a service that starts while the forge is away looks everywhere once it is back",
  { timeout: 240_000 },
  async () => {
    let repository: TwinRepository | undefined;
    const place = await town({
      async before({ forge }) {
        forge.deliveries.drop = true;
        repository = await digits(forge);
        await suffer(forge, { kind: "server-error", status: 503 }, { times: 1 });
      },
    });
    if (repository === undefined) throw new Error("it was not made");
    const there = repository;
    await place.until("the run is recorded", async () => (await recorded(there)).length === 1);
    await expectInOrder(place, there);
    expect(await recorded(there)).toEqual(["sum push succeeded"]);
  },
);
