import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { answerCommand } from "../../src/controller/answer-command/answer-command.ts";
import type { CommandPorts } from "../../src/controller/answer-command/answering.ts";
import { openOrders } from "../../src/controller/open-orders.ts";
import type { At } from "../../src/main/serve/at.ts";
import { tellCommit, tellLeft } from "../../src/main/serve/commit.ts";
import { CONFLICT } from "../../src/controller/project.ts";
import { tellExplanation } from "../../src/main/serve/tell.ts";
import type { ForgeRepository } from "../../src/main/serve/forge-repository.ts";
import { freshOrders, ordersOf, stopAll } from "../../src/main/run/orders.ts";
import type { QueuedJob } from "../../src/queue/queue.ts";
import { acceptedRef } from "../../src/run/request.ts";
import { parseCommand } from "../../src/trigger/command.ts";
import { LEDGER, ordered, remotePlace } from "../controller/acceptances.ts";
import { digitsRun, sha } from "../manifest/run-records.ts";

/** A service with one open run of pull request 3, and what it has written into its tables. */
async function looking() {
  const place = await remotePlace();
  const us = await place.controller("ours");
  const order = ordered({ request: "comment:1", domain: "pr", branch: "more", pullRequest: 3 });
  await acceptRun(us, order);
  const written: string[] = [];
  const at = {
    service: {
      parts: { ledger: LEDGER },
      open: (_: unknown, refs: Parameters<typeof openOrders>[1]) =>
        openOrders({ ...us, forged: () => undefined }, refs),
    },
    queue: { table: { put: async (table: string, key: string) => void written.push(`${table} ${key}`) } },
  } as unknown as At;
  const repository = { mirror: us.mirror } as unknown as ForgeRepository;
  return { place, at, repository, order, written };
}

test("a remote that cannot be reached is not one where nothing runs: whoever asks comes again", async () => {
  const { place, at, repository, order, written } = await looking();
  expect(await ordersOf(at, repository, 3)).toEqual({ kind: "ok", orders: [order] });
  expect(await ordersOf(at, repository, 4)).toEqual({ kind: "ok", orders: [] });
  place.away = true;
  expect(await freshOrders(at, repository)).toEqual({ kind: "unreachable", why: "it is away" });
  expect(await stopAll(at, repository, { number: 3, why: "superseded" })).toBe("later");
  expect(await tellCommit(at, repository, { commit: sha("a"), standing: [] })).toMatchObject({ kind: "again" });
  expect(written).toEqual([]);
  place.away = false;
  expect(await stopAll(at, repository, { number: 3, why: "superseded" })).toBe(1);
  expect(written).toEqual([`stop ${order.id}`]);
});

test("/sluice cancel is not answered while nobody can say what runs", async () => {
  const { place, at, repository } = await looking();
  const ports = {
    fork: false,
    seen: async () => undefined,
    forge: { permission: async () => ({ kind: "ok", value: "write" }) },
    rules: async () => ({ settings: { permissions: {} } }),
    cancel: () => stopAll(at, repository, { number: 3, why: "cancelled" }),
  } as unknown as CommandPorts;
  const asking = { sender: { id: 1, login: "alice", bot: false }, request: "button:1", comment: null, head: null };
  const ask = () => answerCommand(ports, asking, parseCommand("/sluice cancel"));
  place.away = true;
  expect(await ask()).toMatchObject({ counts: false, words: [], again: 5_000 });
  place.away = false;
  expect(await ask()).toMatchObject({ counts: true, words: [], again: null });
});

test("/sluice run and explain are not answered while nobody can look, and what does not merge is not run", async () => {
  const away = { kind: "again", afterMs: 5_000, why: "it is away" } as const;
  const conflict = { code: CONFLICT, next: "merge `main` into it" };
  const conflicting = { kind: "planned", plan: { domain: "pr", head: sha("a"), problems: [conflict] } };
  let planned: object = away;
  const ports = {
    fork: false,
    seen: async () => undefined,
    forge: { permission: async () => ({ kind: "ok", value: "write" }) },
    rules: async () => ({ settings: { permissions: {} } }),
    plan: async () => planned,
    explain: async () => tellExplanation(away, null),
  } as unknown as CommandPorts;
  const asking = { sender: { id: 1, login: "alice", bot: false }, request: "button:1", comment: null, head: null };
  const ask = (text: string) => answerCommand(ports, asking, parseCommand(text));
  expect(await ask("/sluice run")).toMatchObject({ counts: false, words: [], again: 5_000 });
  expect(await ask("/sluice explain")).toMatchObject({ counts: false, words: [], again: 5_000 });
  planned = conflicting;
  expect((await ask("/sluice run")).words).toEqual(["nothing is run of what does not merge: merge `main` into it"]);
});

test("what is pressed at an earlier head neither stops nor repeats what runs at this one", async () => {
  const ports = {
    fork: false,
    head: sha("b"),
    seen: async () => undefined,
    forge: { permission: async () => ({ kind: "ok", value: "write" }) },
    rules: async () => ({ settings: { permissions: {} } }),
    cancel: async () => 1,
    retries: async () => [ordered()],
    accept: async () => ({ kind: "accepted" }),
  } as unknown as CommandPorts;
  const press = async (word: string, at: string) => {
    const asking = { sender: { id: 1, login: "alice", bot: false }, request: "button:1", comment: null, head: sha(at) };
    return (await answerCommand(ports, asking, parseCommand(`/sluice ${word}`))).words;
  };
  for (const word of ["cancel", "retry"]) {
    expect(await press(word, "a")).toEqual(["the head is `bbbbbbb` by now: what was shown is no longer what is there"]);
    expect(await press(word, "b")).toEqual([]);
  }
});

test("a run that the repository does not take is answered with the reason, and the others are begun", async () => {
  const accepted: string[] = [];
  const ports = {
    fork: false,
    head: sha("a"),
    seen: async () => undefined,
    rules: async () => ({ settings: { permissions: {} } }),
    forge: { permission: async () => ({ kind: "ok", value: "write" }) },
    retries: async () =>
      ["1", "2", "3"].map((name) => ({ ...ordered({ request: `comment:${name}` }), pipeline: name })),
    accept: async ({ pipeline }: { readonly pipeline: string }) =>
      pipeline === "2"
        ? { kind: "refused", why: "a rule forbids it" }
        : { kind: "accepted", mine: accepted.push(pipeline) },
  } as unknown as CommandPorts;
  const asking = { sender: { id: 1, login: "alice", bot: false }, request: "button:9", comment: null, head: null };
  const answered = await answerCommand(ports, asking, parseCommand("/sluice retry"));
  expect(answered).toMatchObject({ again: null, words: ["`2` was not begun: a rule forbids it"] });
  expect(accepted).toEqual(["1", "3"]);
});

test("where nothing is repeated it is said what runs instead: a superseded run is of a head that was left", async () => {
  const words = async (head: ReturnType<typeof sha> | null) => {
    const ports = {
      fork: false,
      head,
      seen: async () => undefined,
      forge: { permission: async () => ({ kind: "ok", value: "write" }) },
      rules: async () => ({ settings: { permissions: {} } }),
      retries: async () => [],
      release: async () => 0,
    } as unknown as CommandPorts;
    const asking = { sender: { id: 1, login: "alice", bot: false }, request: "button:1", comment: null, head: null };
    return (await answerCommand(ports, asking, parseCommand("/sluice retry"))).words;
  };
  const nothing = "nothing that ended here has to be run again";
  expect(await words(sha("b"))).toEqual([`${nothing}: \`/sluice run\` runs the head as it is by now, \`bbbbbbb\``]);
  expect(await words(null)).toEqual([nothing]);
});

test("a head counts as left only where the forge says so, and its check ends only where nothing runs", async () => {
  const { place, at, repository, order } = await looking();
  const record = digitsRun({ source: order.source, pullRequest: 3 });
  const [checks, woken]: [unknown[], string[]] = [[], []];
  let sharing: readonly { readonly key: string; readonly value: object }[] = [];
  const queue = {
    table: {
      get: async () => undefined,
      entries: async () => sharing,
      put: async (_table: string, _key: string, { desired }: { readonly desired: { readonly check: object } }) =>
        void checks.push(desired.check),
    },
    jobs: { add: async (_queue: string, jobs: readonly QueuedJob[]) => void woken.push(...jobs.map(({ id }) => id)) },
  };
  const left = (answer: object) =>
    tellLeft(
      { ...at, queue } as unknown as At,
      {
        ...repository,
        forge: { repository: { id: 42, fullName: "acme/digits", installation: 1 }, pullRequest: async () => answer },
        history: {
          sync: async () => undefined,
          runs: () => [{ id: record.id, pipeline: record.pipeline.id, pullRequest: 3 }],
          readable: async () => record,
        },
      } as unknown as ForgeRepository,
      record,
    );
  const open = { kind: "ok", value: { state: "open", head: { sha: order.source } } };
  expect(await left({ kind: "wait", until: 1, why: "a limit" })).toMatchObject({ kind: "again" });
  expect(await left({ kind: "unreachable", why: "it is away" })).toMatchObject({ kind: "again" });
  expect(await left(open)).toEqual({ kind: "done" });
  place.away = true;
  expect(await left({ kind: "not-found" })).toMatchObject({ kind: "again" });
  expect(checks).toEqual([]);

  place.away = false;
  expect(await left({ kind: "not-found" })).toEqual({ kind: "done" });
  place.remote.git("update-ref", "-d", acceptedRef(order.id));
  expect(await left({ kind: "ok", value: { ...open.value, state: "closed" } })).toEqual({ kind: "done" });
  expect(checks).toMatchObject([{ status: "in_progress" }, { status: "completed" }]);

  // Of a head that others share, each with its run, they say what became of it.
  const own = (name: string) => ({ head: order.source, base: "main", checks: [{ name, conclusion: "failure" }] });
  sharing = ["sluice / run", "sluice / plan"].map((name, index) => ({ key: `${4 + index}`, value: own(name) }));
  woken.length = 0;
  expect(await left({ kind: "not-found" })).toEqual({ kind: "done" });
  expect([checks.length, woken]).toEqual([2, ["pull-request-42-4"]]);
  sharing = sharing.slice(1);
  expect(await left({ kind: "not-found" })).toEqual({ kind: "done" });
  expect(checks).toHaveLength(3);
});
