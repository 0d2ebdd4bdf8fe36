import { expect, test } from "vitest";

import type { Desired } from "../../src/forge/desired.ts";
import type { Check, CheckConclusion } from "../../src/forge/forge.ts";
import type { CommitSha, Domain } from "../../src/identity/identity.ts";
import type { At } from "../../src/main/serve/at.ts";
import { installationChanged } from "../../src/main/serve/everywhere.ts";
import { leaveHead, shareChecks } from "../../src/main/serve/shared-heads.ts";
import { wakeForPullRequests } from "../../src/main/serve/seen.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { memoryTable } from "../controller/memory-table.ts";
import { sha } from "../manifest/run-records.ts";

const REF = { id: 42, fullName: "acme/digits", installation: 1 };
const [HEAD, NEXT] = [sha("a"), sha("b")];

function place() {
  const woken: string[] = [];
  const add: Queue["jobs"]["add"] = async (_, all) => void woken.push(...all.map(({ id }) => id));
  const queue = { table: memoryTable(), jobs: { add } as Queue["jobs"] };
  return {
    woken: () => woken.splice(0),
    look: () => wakeForPullRequests(queue, REF, []),
    takeOut: () => {
      const [added, removed] = [[], [REF]];
      const parts = { forges: { letIn: () => undefined } };
      return installationChanged({ queue, service: { parts } } as unknown as At, {
        kind: "installation",
        installation: 1,
        added,
        removed,
        gone: false,
      });
    },
    leave: (number: number) => leaveHead(queue, REF, number),
    report: async (
      number: number,
      conclusion: CheckConclusion,
      { head = HEAD, domain = "pr" }: { readonly head?: CommitSha; readonly domain?: Domain } = {},
    ): Promise<Check | undefined> => {
      const said = { title: conclusion, summary: "", text: "", annotations: [], actions: [] };
      const check: Check = {
        head,
        name: "sluice / plan",
        status: "completed",
        conclusion,
        externalId: `${number}`,
        ...said,
      };
      const states: readonly Desired[] = [{ kind: "check", check }];
      const [shared] = await shareChecks(queue, REF, { number, head, base: `base-${number}`, domain }, states);
      return shared?.kind === "check" ? shared.check : undefined;
    },
  };
}

test("what fails for one pull request does not pass by another one of the same head", async () => {
  const { report, woken } = place();
  expect(await report(1, "failure")).toMatchObject({ conclusion: "failure", externalId: "1" });
  expect(await report(2, "success")).toMatchObject({ conclusion: "failure", title: "#1: failure", externalId: "2,1" });
  expect(woken()).toEqual(["pull-request-42-1"]);
  // Each is told of what is new, and of nothing else: else both would report for ever.
  expect(await report(1, "failure")).toMatchObject({ title: "failure", externalId: "1,2" });
  expect(woken()).toEqual([]);
});

test("a head that is left, by a push or for good, sets the others free", async () => {
  const { report, woken, leave } = place();
  for (const number of [1, 2, 3]) await report(number, number === 3 ? "success" : "failure");
  woken();
  await report(1, "failure", { head: NEXT });
  expect(woken()).toEqual(["pull-request-42-2", "pull-request-42-3"]);
  await leave(2);
  expect(woken()).toEqual(["pull-request-42-3"]);
  expect(await report(3, "success")).toMatchObject({ conclusion: "success", externalId: "3" });
});

test("a stranger's pull request of somebody else's head is listed, and decides nothing there", async () => {
  const { report, woken, leave } = place();
  const strangers = { domain: "fork/7" } as const;
  expect(await report(1, "failure", strangers)).toMatchObject({ conclusion: "failure" });
  expect(await report(2, "success")).toMatchObject({ conclusion: "success", title: "success" });
  expect(woken()).toEqual(["pull-request-42-1"]);
  // What it wrote meanwhile is written over.
  expect(await report(1, "failure", strangers)).toBeUndefined();
  expect(woken()).toEqual(["pull-request-42-2"]);
  expect(await report(1, "failure", strangers)).toBeUndefined();
  expect(woken()).toEqual([]);
  // The check is not theirs to write, and what is new of them is listed by whose it is.
  expect(await report(1, "cancelled", strangers)).toBeUndefined();
  expect(woken()).toEqual(["pull-request-42-2"]);
  expect((await report(2, "success"))?.summary).toContain("#1, of the same head, onto `base-1`: cancelled");
  await leave(2);
  expect(await report(1, "failure", strangers)).toMatchObject({ conclusion: "failure" });
});

test("a pull request that was closed while nobody looked is asked about, or forgotten with its repository", async () => {
  const { report, woken, look, takeOut } = place();
  await report(1, "failure");
  await look();
  expect(woken()).toEqual(["pull-request-42-1"]);
  await takeOut();
  expect(await report(2, "success")).toMatchObject({ conclusion: "success" });
});
