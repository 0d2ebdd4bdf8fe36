import { randomBytes } from "node:crypto";

import { expect, test } from "vitest";

import { sendDesired, type SendPorts } from "../../src/controller/send-desired/send-desired.ts";
import { targetOf, type Desired } from "../../src/forge/desired.ts";
import type { Answer, Check, Forge, Forges } from "../../src/forge/forge.ts";
import type { Json } from "../../src/identity/canonical-json.ts";
import { withinBudget } from "../../src/forge/within-budget.ts";
import { spendWrites } from "../../src/queue/spend-writes.ts";
import { checkOf, sha, village, type Village } from "../forge/village.ts";
import { memoryTable } from "./memory-table.ts";

const MARKER = "<!-- sluice:pull-request -->";

async function desk(wrap: (forge: Forge) => Forge = (forge) => forge) {
  const place = await village();
  const table = memoryTable();
  let now = 1_790_000_000_000;
  const clock = {
    now: () => now,
    random: (bytes: number) => randomBytes(bytes),
    wait: () => Promise.resolve(undefined),
  };
  const forges: Forges = { ...place.forges, open: (repository) => wrap(place.forges.open(repository)) };
  const spend = spendWrites(table, clock);
  const lease = new AbortController();
  const ports: SendPorts = { table, forges, clock, spend, lost: lease.signal };
  const { installation } = place.repository;
  return {
    ...place,
    table,
    ports,
    lose: () => lease.abort(),
    promoting: withinBudget(forges, spend, () => now).open(place.forge.repository),
    pass: (ms: number) => (now += ms),
    want: (desired: Desired, key = targetOf(desired)) =>
      table.put(`outbox/${installation}`, key, { repository: place.forge.repository, desired } as unknown as Json),
    send: () => sendDesired(ports, installation),
    waiting: async () => (await table.entries(`outbox/${installation}`)).length,
  };
}

function sticky({ pull }: Village, text: string | null): Desired {
  return { kind: "comment", number: pull.number, marker: MARKER, body: text === null ? null : `${MARKER}\n${text}` };
}

const bodies = ({ repository, pull }: Village): readonly string[] =>
  (repository.comments.get(pull.number) ?? []).filter((one) => one.app !== null).map((one) => one.body);
const writes = ({ twin }: Village): number =>
  twin.exchanges.filter(({ call }) => call.method !== "GET" && !call.path.endsWith("/access_tokens")).length;

test("one comment, edited in place, not written when it is as it should be, made anew when deleted", async () => {
  const one = await desk();
  await one.want(sticky(one, "first"));
  expect(await one.send()).toEqual({ kind: "sent", notTaken: [] });
  await one.want(sticky(one, "second"));
  await one.send();
  expect(bodies(one)).toEqual([`${MARKER}\nsecond`]);
  const before = writes(one);
  await one.want(sticky(one, "second"));
  await one.send();
  expect(writes(one)).toBe(before);
  one.repository.comments.set(one.pull.number, []);
  await one.want(sticky(one, "second"));
  await one.send();
  expect(bodies(one)).toEqual([`${MARKER}\nsecond`]);
  const [edited] = one.repository.comments.get(one.pull.number) ?? [];
  if (edited !== undefined) edited.body = `${MARKER}\nby somebody else`;
  await one.want(sticky(one, "second"));
  await one.send();
  expect(bodies(one)).toEqual([`${MARKER}\nsecond`]);
  await one.want(sticky(one, null));
  await one.send();
  expect(bodies(one)).toEqual([]);
  expect(await one.waiting()).toBe(0);
});

test("a comment of somebody else with our marker stays theirs", async () => {
  const one = await desk();
  const { twin, repository, pull } = one;
  twin.forge.comment(repository, pull.number, {
    body: `${MARKER} haha`,
    user: twin.forge.world.user("mallory"),
    app: null,
  });
  await one.want(sticky(one, "ours"));
  await one.send();
  expect((repository.comments.get(pull.number) ?? []).map((comment) => comment.body)).toEqual([
    `${MARKER} haha`,
    `${MARKER}\nours`,
  ]);
});

test("killed after any call: no duplicate, and the state is reached", { timeout: 60_000 }, async () => {
  for (let crashAt = 1; crashAt <= 8; crashAt++) {
    let calls = 0;
    const one = await desk((forge) => crashing(forge, () => ++calls === crashAt));
    await one.want(sticky(one, "plan"));
    await one.want({ kind: "check", check: checkOf(one.head, 3) });
    await one.send().catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
    await one.send();
    expect(bodies(one)).toEqual([`${MARKER}\nplan`]);
    expect(one.repository.checks.map((check) => check.output.annotations.length)).toEqual([3]);
    expect(await one.waiting()).toBe(0);
  }
});

class Crash extends Error {}

/** Does what it is asked for and dies before it can say so. */
function crashing(forge: Forge, now: () => boolean): Forge {
  const after =
    <Args extends readonly unknown[], Value>(call: (...args: Args) => Promise<Answer<Value>>) =>
    async (...args: Args): Promise<Answer<Value>> => {
      const answer = await call(...args);
      if (now()) throw new Crash("killed");
      return answer;
    };
  return {
    ...forge,
    ownComments: after((number: number) => forge.ownComments(number)),
    createComment: after((number: number, body: string) => forge.createComment(number, body)),
    findCheck: after((head: Check["head"], name: string) => forge.findCheck(head, name)),
    writeCheck: after((check: Check, id: number | null) => forge.writeCheck(check, id)),
  };
}

test("annotations of an earlier state do not stay beside those of the next", async () => {
  const one = await desk();
  await one.want({ kind: "check", check: checkOf(one.head, 60) });
  await one.send();
  await one.want({ kind: "check", check: checkOf(one.head, 2, { externalId: "two", conclusion: "failure" }) });
  await one.send();
  const newest = one.repository.checks.at(-1);
  expect(newest?.conclusion).toBe("failure");
  expect(newest?.output.annotations.length).toBe(2);
  await one.want({ kind: "check", check: checkOf(one.head, 2, { externalId: "two", title: "another title" }) });
  await one.send();
  expect(one.repository.checks.at(-1)).toMatchObject({ id: newest?.id, output: { title: "another title" } });
  expect(one.repository.checks.at(-1)?.output.annotations.length).toBe(2);
});

test("the most urgent first, and no more than the budget", async () => {
  const one = await desk();
  for (let at = 0; at < 70; at++)
    await one.want({ kind: "check", check: checkOf(one.head, 0, { name: `check ${String(at).padStart(2, "0")}` }) });
  await one.want({ kind: "check", check: checkOf(one.head, 0, { name: "zz failed", conclusion: "failure" }) });
  const sent = await one.send();
  expect(sent).toMatchObject({ kind: "again", afterMs: 60_000 });
  expect(one.repository.checks.length).toBe(60);
  expect(one.repository.checks[0]?.name).toBe("zz failed");
  one.pass(60_000);
  expect(await one.send()).toMatchObject({ kind: "sent" });
  expect(one.repository.checks.length).toBe(71);
});

test("what promotions write comes out of the same budget, and a check that waited says so", async () => {
  const one = await desk();
  const { number } = one.pull;
  for (let at = 0; at < 60; at++)
    expect(await one.promoting.updatePullRequest(number, { title: `More ${at}` })).toMatchObject({ kind: "ok" });
  expect(await one.promoting.merge(number, { sha: one.head, title: "More" })).toMatchObject({
    kind: "wait",
    until: 1_790_000_060_000,
  });
  expect(one.pull.merged).toBe(false);
  await one.want({ kind: "check", check: checkOf(one.head, 0) });
  expect(await one.send()).toMatchObject({ kind: "again", afterMs: 60_000 });
  expect(one.repository.checks).toEqual([]);
  one.pass(75_000);
  expect(await one.send()).toMatchObject({ kind: "sent" });
  expect(one.repository.checks[0]?.output.summary).toBe(
    "It runs.\n\nGitHub's limits on writing held this up by 1 min 15 s.\n",
  );
  await one.want({ kind: "check", check: checkOf(one.head, 0, { summary: "It runs again." }) });
  await one.send();
  expect(one.repository.checks[0]?.output.summary).toBe("It runs again.");
  expect(await one.promoting.merge(number, { sha: one.head, title: "More" })).toMatchObject({ kind: "ok" });
});

test("a deployment is told when there is room for it, once, and one that ended is followed by another", async () => {
  const one = await desk();
  const { installation, deployments } = one.repository;
  const shown = (): readonly string[] =>
    deployments.map(({ sha: of, statuses }) => [of, ...statuses.map(({ state }) => state)].join(" "));
  const live = (state: "in_progress" | "success" | "failure", ref = one.head): Desired => {
    const deployment = { ref, environment: "prod", pipeline: "digits" };
    return { kind: "deployment", deployment, state, description: "digits" };
  };
  for (let write = 0; write < 60; write++) await one.ports.spend(installation, 1);
  await one.want(live("in_progress"));
  expect(await one.send()).toMatchObject({ kind: "again" });
  await one.want(live("success"));
  expect(shown()).toEqual([]);
  one.pass(75_000);
  expect(await one.send()).toEqual({ kind: "sent", notTaken: [] });
  expect(shown()).toEqual([`${one.head} success`]);
  // Whatever was forgotten of what was sent, the forge still shows it.
  await one.table.remove(`sent/${installation}`, targetOf(live("success")));
  await one.want(live("success"));
  await one.send();
  expect(shown()).toEqual([`${one.head} success`]);

  for (const state of ["in_progress", "failure"] as const) {
    await one.want(live(state));
    await one.send();
  }
  const before = sha("b".repeat(40));
  await one.want(live("success", before));
  await one.send();
  await one.want(live("success"));
  await one.send();
  expect(shown()).toEqual([
    `${one.head} success`,
    `${one.head} in_progress failure`,
    `${before} success`,
    `${one.head} success`,
  ]);
});

test("a check is not told to be late by limits that held up others alone", async () => {
  const one = await desk();
  const { installation } = one.repository;
  for (let write = 0; write < 60; write++) await one.ports.spend(installation, 1);
  await one.want(sticky(one, "plan"));
  expect(await one.send()).toMatchObject({ kind: "again" });
  one.pass(75_000);
  await one.want({ kind: "check", check: checkOf(one.head, 0) });
  expect(await one.send()).toMatchObject({ kind: "sent" });
  expect(one.repository.checks[0]?.output.summary).toBe("It runs.");
  expect(await one.table.entries(`write-waits/${installation}`)).toEqual([]);
});

test("while GitHub asks for silence nobody asks it anything", async () => {
  let until: number | null = 1_790_000_030_000;
  let calls = 0;
  const one = await desk((forge) => ({
    ...forge,
    createComment(number, body) {
      calls++;
      const limited: Answer<never> | null =
        until === null ? null : { kind: "wait", until, why: "secondary rate limit" };
      return limited === null ? forge.createComment(number, body) : Promise.resolve(limited);
    },
  }));
  await one.want(sticky(one, "plan"));
  expect(await one.send()).toMatchObject({ kind: "again", afterMs: 30_000 });
  one.pass(10_000);
  expect(await one.send()).toMatchObject({ kind: "again", afterMs: 20_000 });
  expect(calls).toBe(1);
  one.pass(20_000);
  until = null;
  expect(await one.send()).toMatchObject({ kind: "sent" });
  expect(bodies(one)).toEqual([`${MARKER}\nplan`]);
});

test("a state that is never answered holds up no other, and is tried less and less often", async () => {
  let tries = 0;
  const one = await desk((forge) => ({
    ...forge,
    writeCheck(check, id) {
      if (check.name !== "poison") return forge.writeCheck(check, id);
      tries++;
      return Promise.resolve({ kind: "unreachable", why: "502" });
    },
  }));
  await one.want({ kind: "check", check: checkOf(one.head, 0, { name: "poison", conclusion: "failure" }) });
  await one.want({ kind: "check", check: checkOf(one.head, 0) });
  await one.want(sticky(one, "plan"));
  expect(await one.send()).toMatchObject({ kind: "again", afterMs: 5_000 });
  expect(one.repository.checks).toHaveLength(1);
  expect(bodies(one)).toEqual([`${MARKER}\nplan`]);
  for (let second = 0; second < 600; second++) {
    one.pass(1_000);
    await one.send();
  }
  expect(tries).toBe(13);
  await one.want({ kind: "check", check: checkOf(one.head, 0, { name: "poison", title: "another" }) });
  await one.send();
  expect(tries).toBe(14);
});

test("a forge that answers nothing is asked for few of many states", async () => {
  let tries = 0;
  let away = true;
  const one = await desk((forge) => ({
    ...forge,
    findCheck(head, name) {
      if (!away) return forge.findCheck(head, name);
      tries++;
      return Promise.resolve({ kind: "unreachable", why: "503" });
    },
  }));
  for (let at = 0; at < 10; at++)
    await one.want({ kind: "check", check: checkOf(one.head, 0, { name: `check ${at}` }) });
  expect(await one.send()).toMatchObject({ kind: "again", afterMs: 5_000 });
  expect(tries).toBe(2);
  away = false;
  one.pass(60_000);
  expect(await one.send()).toEqual({ kind: "sent", notTaken: [] });
  expect(one.repository.checks).toHaveLength(10);
});

test("a state replaced while it was sent stays to be sent", async () => {
  let meanwhile: (() => Promise<void>) | null = null;
  const one = await desk((forge) => ({
    ...forge,
    async createComment(number, body) {
      const answer = await forge.createComment(number, body);
      await meanwhile?.();
      return answer;
    },
  }));
  meanwhile = () => one.want(sticky(one, "second"));
  await one.want(sticky(one, "first"));
  await one.send();
  expect(await one.waiting()).toBe(1);
  await one.send();
  expect(bodies(one)).toEqual([`${MARKER}\nsecond`]);
});

test("who is no longer the only sender writes nothing more, and leaves the rest to the next", async () => {
  let lose = (): void => undefined;
  const one = await desk((forge) => ({
    ...forge,
    async writeCheck(check, id) {
      const answer = await forge.writeCheck(check, id);
      lose();
      return answer;
    },
  }));
  ({ lose } = one);
  for (const name of ["one", "two"]) await one.want({ kind: "check", check: checkOf(one.head, 0, { name }) });
  expect(await one.send()).toEqual({ kind: "again", afterMs: 1_000, notTaken: [] });
  expect(one.repository.checks).toHaveLength(1);
  expect(await one.waiting()).toBe(1);

  const two = await desk();
  await two.want(sticky(two, "plan"));
  // The queue was away for longer than the lease holds.
  const spend: SendPorts["spend"] = (...of) => {
    two.lose();
    return two.ports.spend(...of);
  };
  expect(await sendDesired({ ...two.ports, spend }, two.repository.installation)).toMatchObject({ kind: "again" });
  expect(bodies(two)).toEqual([]);
  expect(await two.waiting()).toBe(1);
});

test("what the forge does not take is dropped and told", async () => {
  const one = await desk();
  await one.want({ kind: "check", check: checkOf(one.head, 0, { summary: "x".repeat(70_000) }) });
  await one.want(sticky(one, "plan"));
  const sent = await one.send();
  expect(sent).toMatchObject({ kind: "sent", notTaken: [{ target: `check/${one.head}/sluice / plan` }] });
  expect(bodies(one)).toEqual([`${MARKER}\nplan`]);
});

test("who spends at once does not go over the budget, and leaves nothing of what it took back", async () => {
  const table = memoryTable();
  const now = 1_790_000_000_000;
  const spend = spendWrites(table, { now: () => now, random: (bytes) => randomBytes(bytes) });
  for (let write = 0; write < 400; write++) await table.put("writes/1", `${now + 86_400_000}-${write}`, null);
  for (let write = 0; write < 59; write++) expect(await spend(1, 1)).toEqual({ kind: "ok" });
  const spent = await Promise.all(Array.from({ length: 8 }, () => spend(1, 1)));
  const ok = spent.filter(({ kind }) => kind === "ok").length;
  expect(ok).toBeLessThanOrEqual(1);
  expect(await table.entries("writes/1")).toHaveLength(59 + ok);
});
