import { expect, test } from "vitest";

import { findApprovals } from "../../src/controller/find-approvals.ts";
import type { LabelEvent, Review } from "../../src/forge/forge.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { leaveOf } from "../../src/main/release/promotion-leave.ts";
import type { Approval } from "../../src/release/environment-state.ts";
import { sha } from "../manifest/run-records.ts";
import { PAGE } from "./promotion-page.ts";

const LABEL = "approve:prod";
const EVIDENCE = digestOf("evidence");
/** The head's own second, by the forge's clock; what the machine here takes for the time is asked by nobody. */
const SHOWN = Date.parse("2031-01-01T00:00:10Z");
const [BEFORE, SAME, AFTER] = ["2031-01-01T00:00:09Z", "2031-01-01T00:00:10Z", "2031-01-01T00:00:11Z"] as const;
const [BOB, EVE, ROBOT] = [
  { id: 8, login: "bob", bot: false },
  { id: 9, login: "eve", bot: false },
  { id: 10, login: "robot[bot]", bot: true },
] as const;

interface Told {
  readonly events?: readonly LabelEvent[];
  readonly reviews?: readonly Review[];
  readonly said?: readonly Approval[];
  /** What accounts are called now. */
  readonly accounts?: ReadonlyMap<number, string>;
}

const ACCOUNTS: ReadonlyMap<number, string> = new Map([BOB, EVE].map(({ id, login }) => [id, login]));

/** Who agrees, as `login: what it was given for`, with `may not` and `bot` where that is so. */
async function found({
  events = [],
  reviews = [],
  said = [],
  accounts = ACCOUNTS,
}: Told): Promise<readonly string[] | string> {
  const standing = events.findLast(({ label }) => label === LABEL)?.added === true;
  const pullRequest = { ...PAGE, labels: standing ? [LABEL] : [], head: { ...PAGE.head, sha: sha("e") } };
  const answer = await findApprovals(
    {
      forge: {
        labelEvents: async () => ({ kind: "ok", value: events }),
        reviews: async () => ({ kind: "ok", value: reviews }),
        loginOf: async (account) => {
          const login = accounts.get(account);
          return login === undefined ? { kind: "not-found" } : { kind: "ok", value: login };
        },
      },
      mayApprove: async (login) =>
        login === "away" ? { kind: "unreachable", why: "away" } : { kind: "ok", value: login !== "eve" },
    },
    { environment: "prod", pullRequest, evidence: EVIDENCE, shownAt: SHOWN, said },
  );
  if (answer.kind !== "ok") return answer.kind;
  return answer.value.map(({ approval: { by, evidence }, allowed, bot }) =>
    [
      `${by.login}: ${evidence === EVIDENCE ? "this" : "another"}`,
      ...(allowed ? [] : ["may not"]),
      ...(bot ? ["bot"] : []),
    ].join(", "),
  );
}

function label(actor: LabelEvent["actor"], at: string, added = true): LabelEvent {
  return { id: 1, label: LABEL, added, actor, at };
}

function review(author: Review["author"], state: Review["state"], head = "e"): Review {
  return { id: 1, author, state, commit: sha(head), at: AFTER };
}

test("a label counts for what the head showed when it came, by the forge's clock, and by whoever put it there last", async () => {
  expect(await found({ events: [label(BOB, BEFORE)] })).toEqual(["bob: another"]);
  expect(await found({ events: [label(BOB, SAME)] })).toEqual(["bob: this"]);
  // Added and removed within a second, and added before by somebody else.
  expect(await found({ events: [label(BOB, AFTER), label(BOB, AFTER, false)] })).toEqual([]);
  expect(await found({ events: [label(EVE, AFTER), label(EVE, AFTER, false), label(BOB, AFTER)] })).toEqual([
    "bob: this",
  ]);
  expect(await found({ events: [label(EVE, AFTER)] })).toEqual(["eve: this, may not"]);
  expect(await found({ events: [label(ROBOT, AFTER)] })).toEqual(["robot[bot]: this, bot"]);
});

test("a review counts for the head that was looked at, the newest of each person", async () => {
  expect(await found({ reviews: [review(BOB, "approved")] })).toEqual(["bob: this"]);
  expect(await found({ reviews: [review(BOB, "approved", "d")] })).toEqual([]);
  expect(await found({ reviews: [review(BOB, "approved"), review(BOB, "commented")] })).toEqual(["bob: this"]);
  for (const later of ["dismissed", "changes-requested"] as const)
    expect(await found({ reviews: [review(BOB, "approved"), review(BOB, later)] })).toEqual([]);
});

test("a command counts for what the page showed then, and nothing is decided while the forge is away", async () => {
  const said = (evidence: Approval["evidence"], cause = "comment:1"): Approval => ({
    by: BOB,
    at: AFTER,
    evidence,
    cause,
  });
  expect(await found({ said: [said(EVIDENCE)] })).toEqual(["bob: this"]);
  expect(await found({ said: [said(digestOf("other"))] })).toEqual(["bob: another"]);
  expect(await found({ events: [label(BOB, AFTER)], said: [said(digestOf("other"), "label:1")] })).toEqual([
    "bob: another",
  ]);
  // Labels and reviews are asked of the forge, whatever the ledger says of them.
  expect(await found({ said: [said(EVIDENCE, "label:1")] })).toEqual([]);
  expect(await found({ reviews: [review({ id: 3, login: "away", bot: false }, "approved")] })).toBe("unreachable");
});

test("a command counts by its account, whoever has the login by now", async () => {
  const said = [{ by: { id: 5, login: "bob" }, at: AFTER, evidence: EVIDENCE, cause: "comment:1" }];
  // It is called otherwise, by a name that may approve and by one that may not.
  expect(await found({ said, accounts: new Map([[5, "robert"]]) })).toEqual(["bob: this"]);
  expect(await found({ said, accounts: new Map([[5, "eve"]]) })).toEqual(["bob: this, may not"]);
  // It is gone, or nobody knows which one it was, and `bob` may approve still.
  expect(await found({ said, accounts: ACCOUNTS })).toEqual(["bob: this, may not"]);
  const nobody = [{ ...said[0]!, by: { id: null, login: "bob" } }];
  expect(await found({ said: nobody, accounts: ACCOUNTS })).toEqual(["bob: this, may not"]);
});

test("a person may approve who is listed, however the settings spell the login", async () => {
  const never = async (): Promise<never> => Promise.reject(new Error("nobody else is asked about"));
  const from = { count: 1, teams: [], users: ["Bob"], author: false, expiresMs: null };
  const leave = leaveOf({ permission: never, teamMember: never }, { deed: "approve", permissions: {}, from });
  expect(await leave.asks("bob")).toEqual({ kind: "ok", value: true });
  expect(await leave.asks("eve")).toEqual({ kind: "ok", value: false });
});
