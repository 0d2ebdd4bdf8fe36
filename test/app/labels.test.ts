import { expect, test } from "vitest";

import { closedSince } from "../../src/forge/octokit-closed.ts";
import type { At } from "../../src/main/serve/at.ts";
import type { ForgeRepository } from "../../src/main/serve/forge-repository.ts";
import { tellRefusedLabels } from "../../src/main/release/refused-labels.ts";
import { labelledTable, noteLabels } from "../../src/main/serve/labels.ts";
import { memoryTable } from "../controller/memory-table.ts";
import { sha } from "../manifest/run-records.ts";
import { PAGE } from "../controller/promotion-page.ts";

const NOW = Date.parse("2026-01-05T12:00:00Z");
const MINUTE = 60_000;

/** A service that looks for labels on a forge whose closed pull requests changed then (ms before now, the newest first). */
function looking() {
  const table = memoryTable();
  const repository = { installation: 1, id: 42, fullName: "acme/digits" };
  const pulls: { readonly number: number; readonly at: number; readonly labels: readonly string[] }[] = [];
  let [now, asked] = [NOW, 0];
  const list = async ({ page, per_page: size }: { readonly page: number; readonly per_page: number }) => {
    asked++;
    const data = pulls.slice((page - 1) * size, page * size).map(({ number, at, labels }) => ({
      number,
      state: "closed",
      updated_at: new Date(at).toISOString(),
      merged_at: new Date(at).toISOString(),
      merge_commit_sha: null,
      labels: labels.map((name) => ({ name })),
      head: { sha: sha("a"), ref: "more", repo: null },
      base: { sha: sha("b"), ref: "main" },
    }));
    return { data };
  };
  const calls = {
    again: async (
      { call }: { readonly call: (octokit: object, headers: object) => Promise<{ readonly data: object }> },
      keep: (data: object) => unknown,
    ) => ({ kind: "ok", value: keep((await call({ rest: { pulls: { list } } }, {})).data) }),
  } as unknown as Parameters<typeof closedSince>[0];
  const forge = {
    repository,
    date: () => now,
    closedPullRequestsSince: (since: string, from: number) => closedSince(calls, repository, { since, from }),
  };
  const at = { queue: { table } } as unknown as At;
  return {
    /** Newest last. */
    change: (...changed: typeof pulls) => void pulls.unshift(...changed.reverse()),
    /** Numbers that are noted, and how many pages were asked for, when somebody looks a minute later. */
    look: async () => {
      [now, asked] = [now + MINUTE, 0];
      await noteLabels(at, { forge } as unknown as ForgeRepository);
      return { noted: (await table.entries(labelledTable(repository))).map(({ key }) => key), asked };
    },
    now: () => now,
  };
}

test("labels are found however many pull requests changed, and what was read is not read again", async () => {
  const { change, look, now } = looking();
  const old = (number: number, labels: readonly string[]) => ({ number, at: NOW - 60 * MINUTE, labels });
  change(old(1, ["promote:prod"]), ...Array.from({ length: 700 }, (_, at) => old(1_000 + at, ["bug"])));
  expect(await look()).toEqual({ noted: [], asked: 25 });
  // What changes meanwhile is found once all of it is read.
  change({ number: 2, at: now(), labels: ["promote:prod"] });
  expect(await look()).toEqual({ noted: ["1"], asked: 12 });
  expect(await look()).toEqual({ noted: ["1", "2"], asked: 1 });
});

test("each label that is taken off is told, however many are", () => {
  const labels = ["a", "b", "c", "d", "e", "f", "g"].map((name) => `promote:${name}`);
  const refused = labels.map((label) => ({ pullRequest: PAGE, label, words: `\`${label}\` is refused` }));
  const [taken, said] = tellRefusedLabels(refused);
  expect(taken).toMatchObject({ kind: "labels", remove: labels });
  for (const label of labels) expect(said).toMatchObject({ body: expect.stringContaining(`\`${label}\` is refused`) });
});
