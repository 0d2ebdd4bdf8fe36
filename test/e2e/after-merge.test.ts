import { expect, test } from "vitest";

import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { hookServer } from "./hook-server.ts";
import { digits } from "./repositories.ts";
import { accepted, gitIn, minutePasses, recorded, town, type Town } from "./town.ts";

/** Fails while a parameter says so. */
const FAILS = `version: 1
name: sum
params: params.yaml
steps:
  add: { run: "test $SLUICE_PARAM_PLUS != 13 || cat README.md; echo 1 > one.txt", params: [plus], outputs: [one.txt] }
`;

const ALERTED = `version: 1
pools: { default: {} }
installations: [{ account: acme, sources: ["env:ALERT"] }]
`;

/** Draws a curve beside its total. */
const DRAWS = {
  "pipelines/sum.yaml": `version: 1
name: sum
params: params.yaml
steps:
  add:
    run: sh add.sh
    inputs: [add.sh, data.txt]
    params: [plus]
    outputs: [sum.txt]
    metrics: [metrics.json]
    plots: [{ path: curve.csv, x: epoch, y: loss }]
metrics:
  total: { step: add, goal: higher }
`,
  "add.sh": `total=$(( $(cat data.txt) + SLUICE_PARAM_PLUS ))
echo "$total" > sum.txt
echo "{\\"total\\": $total}" > metrics.json
printf 'epoch,loss\\n1,0.9\\n2,0.%s\\n' "$total" > curve.csv
`,
};

async function pullOf(
  { twin }: Town,
  repository: TwinRepository,
  files: Record<string, string>,
  branch = "more",
): Promise<TwinPullRequest> {
  await twin.forge.commit(repository, { branch, files, message: "More", login: "alice" });
  return twin.forge.openPull(repository, { branch, title: "More", login: "alice" });
}

function bodies(repository: TwinRepository, { number }: TwinPullRequest): string {
  const own = (repository.comments.get(number) ?? []).filter((comment) => comment.app !== null);
  return own.map((comment) => comment.body).join("\n");
}

function say({ twin }: Town, repository: TwinRepository, number: number, body: string, login = "alice"): void {
  twin.forge.comment(repository, number, { body, user: twin.forge.world.user(login), app: null });
}

/** A planned change is merged after its base moved in what the plan reads, and no delivery told of that before. */
async function mergedOnMovedBase(
  place: Town,
  repository: TwinRepository,
  { plus, data }: { readonly plus: number; readonly data: number },
): Promise<{ readonly pull: TwinPullRequest; readonly merged: string }> {
  const { forge } = place.twin;
  const pull = await pullOf(place, repository, { "params.yaml": `plus: ${plus}\n` }, `plus-${plus}`);
  await place.until("the plan is there", () =>
    repository.checks.some((one) => one.head === pull.head && one.name === "sluice / plan"),
  );
  // Where the machine is slow a second report of the same push is still to come, and would see the moved base.
  await place.until("nobody looks any more", async () => {
    const { waiting, active } = await place.service.queue.jobs.counts("controller");
    return waiting + active === 0;
  });
  forge.deliveries.drop = true;
  await forge.commit(repository, {
    branch: "main",
    files: { "data.txt": `${data}\n` },
    message: "Data",
    login: "alice",
  });
  const merged = await forge.merge(repository, pull, { login: "alice" });
  forge.deliveries.drop = false;
  if (merged === null) throw new Error("it was not merged");
  await minutePasses(place);
  return { pull, merged };
}

test(
  "a run that fails after the merge is told there and at the pull request, and retried",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge, { "pipelines/sum.yaml": FAILS });
    await place.until("first contact", async () => (await recorded(repository)).length === 1);
    const pull = await pullOf(place, repository, { "params.yaml": "plus: 13\n" });
    await place.until("the plan is there", () => bodies(repository, pull).includes("plus"));
    const merged = await forge.merge(repository, pull, { login: "alice" });
    await place.until("it failed", async () => (await recorded(repository))[0] === "sum push failed");
    const check = () => repository.checks.findLast((one) => one.head === merged && one.name === "sluice / run");
    await place.until("the merge's check says so", () => check()?.conclusion === "failure");
    await place.until("the pull request says so", () => bodies(repository, pull).includes("<!-- sluice:merge -->"));
    await place.until("what is missing is named", () =>
      bodies(repository, pull).includes("add `README.md` to the inputs of `add`"),
    );
    await minutePasses(place);
    say(place, repository, pull.number, "/sluice retry");
    await place.until("it was run again", async () => (await recorded(repository))[0] === "sum retry failed");
    await place.until("nothing is open", async () => (await accepted(repository)) === "");
    expect(await recorded(repository)).toHaveLength(3);
    expect(bodies(repository, pull).split("<!-- sluice:merge -->")).toHaveLength(2);
  },
);

test(
  "a merge that is not what was reviewed waits where it is told to, until a person lets it run, and else runs and is told",
  { timeout: 240_000 },
  async () => {
    const hook = await hookServer();
    const place = await town({ operator: ALERTED, variables: { ALERT: hook.url } });
    const { forge } = place.twin;
    const notify = 'notify: [{ webhook: "env:ALERT", on: [divergence] }]';
    const repository = await digits(forge, { "sluice.yaml": `version: 1\ndivergence: stop\n${notify}\n` });
    await place.until("first contact", async () => (await recorded(repository)).length === 1);
    const { pull, merged } = await mergedOnMovedBase(place, repository, { plus: 2, data: 100 });
    const check = () => repository.checks.findLast((one) => one.head === merged && one.name === "sluice / run");
    await place.until("the merge waits", () => check()?.conclusion === "action_required");
    expect(check()?.output.summary).toContain("`add`");
    // Where the machine is slow the moved base was looked at on its own, and ran.
    const before = (await recorded(repository)).length;
    const sources = await gitIn(repository.directory, "log", "--format=%(trailers:key=Sluice-Source)", "sluice/ledger");
    expect(sources).not.toContain(merged);
    await place.until("the pull request says so", () =>
      bodies(repository, pull).includes("does not run what was reviewed"),
    );
    await place.until("a webhook is told, once it is there", () => hook.bodies.length === 2);
    expect(hook.bodies[1]).toMatchObject({ event: "divergence", commit: merged });
    say(place, repository, pull.number, "/sluice run", "mallory");
    await place.until("mallory is refused", () => bodies(repository, pull).includes("write"));
    say(place, repository, pull.number, "/sluice run");
    await place.until("it ran", async () => (await recorded(repository)).length === before + 1);
    expect((await recorded(repository))[0]).toBe("sum push succeeded");

    // Where nothing is said about it the merge runs at once, and check and comment say what nobody had seen.
    await forge.commit(repository, {
      branch: "main",
      files: { "sluice.yaml": "version: 1\n" },
      message: "Only report",
      login: "alice",
    });
    const next = await mergedOnMovedBase(place, repository, { plus: 3, data: 200 });
    const told = () => repository.checks.findLast((one) => one.head === next.merged && one.name === "sluice / run");
    await place.until("it ran by itself", () => told()?.conclusion === "success");
    expect(told()?.output.title).toMatch(/ \(not as reviewed\)$/);
    expect(told()?.output.summary).toContain("1 step of `sum` differs (`add`), because the base had moved");
    expect(await gitIn(repository.directory, "log", "-1", "--format=%B", "sluice/ledger")).toContain(
      `Sluice-Source: ${next.merged}`,
    );
    await place.until("the pull request says so too", () =>
      bodies(repository, next.pull).includes("`git revert` takes the merge back"),
    );
  },
);

test(
  "commands are answered in the comment: help, explain, diff, and a button by who pressed it",
  { timeout: 240_000 },
  async () => {
    const place = await town({ bellAfterMs: 0 });
    const { forge } = place.twin;
    const repository = await digits(forge, DRAWS);
    await place.until("first contact", async () => (await recorded(repository)).length === 1);
    const main = (await gitIn(repository.directory, "rev-parse", "main")).trim();
    await place.until("its curve is in the commit's check", () =>
      repository.checks.some(({ head, output }) => head === main && output.summary.includes("line [0.9, 0.42]")),
    );
    const pull = await pullOf(place, repository, { "params.yaml": "plus: 2\n" });
    await place.until("the plan is there", () => bodies(repository, pull).includes("plus"));
    say(place, repository, pull.number, "/sluice help");
    await place.until("help", () => bodies(repository, pull).includes("/sluice diff <run|ref>"));
    say(place, repository, pull.number, "/sluice explain add");
    await place.until("explained", () => bodies(repository, pull).includes("`add` runs"));
    say(place, repository, pull.number, "/sluice diff latest");
    await place.until("nothing to compare yet", () => bodies(repository, pull).includes("has no run here to compare"));
    const press = (login: string): void => {
      const check = repository.checks.find((one) => one.head === pull.head && one.name === "sluice / plan");
      if (check === undefined) throw new Error("the plan has no check");
      expect(check.actions.map(({ identifier }) => identifier)).toContain("run");
      forge.announce.check(repository, check, { sender: forge.world.user(login), button: "run" });
    };
    press("mallory");
    await place.until("mallory is refused", () => bodies(repository, pull).includes("needs"));
    expect(await recorded(repository)).toHaveLength(1);
    press("alice");
    await place.until("it ran", async () => (await recorded(repository)).length === 2);
    expect((await recorded(repository))[0]).toBe("sum command succeeded");
    await place.until("its curve is in the comment", () => bodies(repository, pull).includes("line [0.9, 0.43]"));
    const bell = () =>
      (repository.comments.get(pull.number) ?? []).filter(
        (one) => one.body.includes("sluice:bell") && one.app !== null,
      );
    await place.until("alice is mentioned", () => bell().length === 1 && bell()[0]?.body.includes("@alice") === true);
    say(place, repository, pull.number, "/sluice diff main");
    await place.until("compared", () => bodies(repository, pull).includes("| total ↑ | 42 | **43**"));
    await forge.commit(repository, {
      branch: "more",
      files: { "params.yaml": "plus: 3\n" },
      message: "3",
      login: "alice",
    });
    await place.until("the bell is folded", () => bell()[0]?.minimized === true);
    expect(bell()).toHaveLength(1);
    forge.closePull(repository, pull, "alice");
    say(place, repository, pull.number, "/sluice run");
    await place.until("it is said why not", () => bodies(repository, pull).includes("the pull request is closed"));
  },
);

test("without any delivery a command is noticed, once, and an edited comment never", { timeout: 240_000 }, async () => {
  const place = await town({ webhooks: "off" });
  const { forge } = place.twin;
  const repository = await digits(forge);
  await minutePasses(place);
  await place.until("first contact", async () => (await recorded(repository)).length === 1);
  const pull = await pullOf(place, repository, { "params.yaml": "plus: 2\n" });
  say(place, repository, pull.number, "/sluice run sum");
  const edited = forge.comment(repository, pull.number, {
    body: "/sluice cancel",
    user: forge.world.user("alice"),
    app: null,
  });
  edited.updatedAt = new Date(Date.parse(edited.createdAt) + 5_000).toISOString().replace(".000Z", "Z");
  await minutePasses(place);
  await place.until("it ran", async () => (await recorded(repository)).length === 2);
  await minutePasses(place);
  await minutePasses(place);
  await place.until("nothing is open", async () => (await accepted(repository)) === "");
  expect(await recorded(repository)).toEqual(["sum command succeeded", "sum push succeeded"]);
  expect(edited.reactions).toEqual([]);
});

test(
  "a schedule computes again, its failure opens one issue and is told to a webhook, and its next success ends both",
  { timeout: 240_000 },
  async () => {
    const hook = await hookServer();
    const place = await town({
      operator: ALERTED,
      variables: { ALERT: hook.url },
    });
    const { forge } = place.twin;
    const daily = FAILS.replace(
      "params: params.yaml",
      'on: { push: false, schedule: [{ cron: "0 4 * * *", refresh: [add] }] }\nparams: params.yaml',
    );
    const repository = await digits(forge, {
      "sluice.yaml": `version: 1\nnotify: [{ webhook: "env:ALERT", on: [failed-schedule, recovered] }]\n`,
      "pipelines/sum.yaml": daily,
      "params.yaml": "plus: 13\n",
    });
    const seen = async (): Promise<number> =>
      (await place.service.queue.table.entries(`schedules/${repository.id}`)).length;
    await place.until("the schedule was seen", async () => (await seen()) === 1);
    expect(await recorded(repository)).toEqual([]);
    forge.aheadMs = 24 * 3_600_000;
    await minutePasses(place);
    await place.until("the slot ran", async () => (await recorded(repository)).length === 1);
    expect(await recorded(repository)).toEqual(["sum schedule failed"]);
    await place.until("an issue is open", () => [...repository.issues.values()].some((one) => one.state === "open"));
    await forge.commit(repository, {
      branch: "main",
      files: { "params.yaml": "plus: 2\n" },
      message: "2",
      login: "alice",
    });
    forge.aheadMs = 48 * 3_600_000;
    await minutePasses(place);
    await place.until("the next slot ran", async () => (await recorded(repository)).length === 2);
    await place.until("the issue is closed", () =>
      [...repository.issues.values()].every((one) => one.state === "closed"),
    );
    expect(repository.issues.size).toBe(1);
    expect((await recorded(repository))[0]).toBe("sum schedule succeeded");
    await place.until("the webhook was told of both", () => hook.bodies.length === 3);
    // It took the first one only when it was asked again.
    expect(hook.bodies.map(({ event }) => event)).toEqual(["failed-schedule", "failed-schedule", "recovered"]);
    expect(hook.bodies[0]).toEqual(hook.bodies[1]);
    const [failed] = hook.bodies;
    expect(failed).toMatchObject({ repository: "acme/digits", pipeline: "sum", run: expect.any(String) });
    expect(failed?.text).toMatch(/^acme\/digits · sum: scheduled \(0 4 \* \* \*\) run \w{4} at [0-9a-f]{7} failed$/);
  },
);

test("a pipeline follows the success of another one, on the output that it wrote", { timeout: 240_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const after = `version: 1
name: after
on: { push: false, upstream: [sum] }
datasets: { total: { pipeline: sum, path: sum.txt, run: latest } }
steps:
  copy: { run: "cp sum.txt copy.txt", inputs: ["dataset:total"], outputs: [copy.txt] }
`;
  const repository = await digits(forge, { "pipelines/after.yaml": after });
  await place.until("both ran", async () => (await recorded(repository)).length === 2);
  expect(await recorded(repository)).toEqual(["after upstream succeeded", "sum push succeeded"]);
  await forge.commit(repository, {
    branch: "main",
    files: { "params.yaml": "plus: 2\n" },
    message: "2",
    login: "alice",
  });
  await place.until("both ran again", async () => (await recorded(repository)).length === 4);
  expect((await recorded(repository))[0]).toBe("after upstream succeeded");
});
