import { expect, test } from "vitest";

import type { CommandPorts } from "../../src/controller/answer-command/answering.ts";
import { leaveToRun } from "../../src/controller/answer-command/leave-to-run.ts";

const SETTINGS = { permissions: {}, forks: { run: "maintainer" }, places: {} };

/** Leave for a stranger's code by a forge that answers one question after the other; and how often it was asked. */
async function asked(roles: readonly object[], member: object | null = null) {
  let questions = 0;
  const permissions = member === null ? {} : { run: { team: "acme/ml" } };
  const ports = {
    forge: { permission: async () => roles[questions++], teamMember: async () => member },
    rules: async () => ({ settings: { ...SETTINGS, permissions }, pools: {}, problems: [] }),
    clock: { now: () => 0 },
  } as unknown as CommandPorts;
  const leave = await leaveToRun(ports, { login: "ada", command: "/sluice run", strangers: true });
  return { leave: leave.kind, questions };
}

const is = (value: unknown): object => ({ kind: "ok", value });

test("one answer of the forge decides who may run what a fork brings", async () => {
  expect(await asked([is("maintain"), is("read")])).toEqual({ leave: "granted", questions: 1 });
  expect(await asked([is("write"), is("admin")])).toEqual({ leave: "refused", questions: 1 });
  expect(await asked([{ kind: "unreachable", why: "it is away" }])).toEqual({ leave: "later", questions: 1 });
  expect(await asked([{ kind: "wait", until: 9_000, why: "a limit" }])).toEqual({ leave: "later", questions: 1 });
  expect(await asked([{ kind: "not-found" }])).toEqual({ leave: "refused", questions: 1 });
});

test("where a team may run, its members need the role besides, for what a fork brings", async () => {
  expect(await asked([is("maintain")], is(true))).toEqual({ leave: "granted", questions: 1 });
  expect(await asked([is("write")], is(true))).toEqual({ leave: "refused", questions: 1 });
  expect(await asked([is("admin")], is(false))).toEqual({ leave: "refused", questions: 1 });
  expect(await asked([is("admin")], { kind: "unreachable", why: "it is away" })).toMatchObject({ leave: "later" });
});

test("settings that cannot be read give nobody leave to run, and everybody who writes to stop", async () => {
  const ports = {
    forge: { permission: async () => is("admin") },
    rules: async () => ({ settings: SETTINGS, pools: {}, problems: [], unreadable: [{}] }),
    clock: { now: () => 0 },
  } as unknown as CommandPorts;
  const leave = async (command: string) => (await leaveToRun(ports, { login: "ada", command, strangers: false })).kind;
  expect(await leave("/sluice run")).toBe("refused");
  expect(await leave("/sluice cancel")).toBe("granted");
});
