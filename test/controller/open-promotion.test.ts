import { symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { openPromotion } from "../../src/controller/open-promotion.ts";
import type { PullRequest } from "../../src/forge/forge.ts";
import { nativeMirror } from "../../src/git/native-mirror.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { pinPath, promotionBranch, renderPin } from "../../src/release/release.ts";
import { runId, sha } from "../manifest/run-records.ts";
import { repository } from "../sluice.ts";
import { PAGE } from "./promotion-page.ts";

const OF = { environment: "prod", pipeline: "digits" };
const PIN = { ...OF, run: runId("a"), manifest: digestOf("a"), source: sha("a") };
const TITLE = "Promote digits to prod";
const NOW = Date.parse("2026-01-01T00:00:00Z");

/** A promotion of `PIN` on a default branch with these files; what was changed of its page is kept. */
async function promotion(files: Readonly<Record<string, string>>) {
  const bench = repository({ "a.txt": "a", ...files });
  bench.commit();
  const mirror = await nativeMirror({
    directory: join(bench.root, "mirror.git"),
    program: "git",
    remote: async () => ({ kind: "ok", url: bench.root, token: null }),
  });
  let page: PullRequest | undefined;
  const shown = (change: Partial<PullRequest>, base = page?.base.branch ?? ""): { kind: "ok"; value: PullRequest } => {
    const head = bench.git("rev-parse", promotionBranch(OF)).trim();
    page = {
      ...PAGE,
      ...page,
      ...change,
      head: { ...PAGE.head, sha: sha(head) },
      base: { ...PAGE.base, branch: base },
    };
    return { kind: "ok", value: page };
  };
  const look = async () => {
    const tip = sha(bench.git("rev-parse", "main").trim());
    await mirror.refresh(["refs/heads/main"]);
    return openPromotion(
      {
        forge: {
          pullRequestsOfBranch: async () => ({ kind: "ok", value: page === undefined ? [] : [page] }),
          createPullRequest: async ({ title, body, base }) => shown({ title, body }, base),
          updatePullRequest: async (_number, { base, ...change }) => shown(change, base),
          date: () => NOW,
        },
        mirror,
      },
      { pin: PIN, evidence: digestOf("evidence"), branch: "main", tip, title: TITLE, body: "", now: NOW },
    );
  };
  return { look, change: shown, bench, page: () => page };
}

test("a promotion that somebody points at another branch is brought back to the default branch", async () => {
  const { look, change } = await promotion({});
  const opened = await look();
  expect(opened).toMatchObject({ kind: "ok", value: { valid: true, pullRequest: { base: { branch: "main" } } } });
  change({}, "elsewhere");
  const again = await look();
  expect(again).toMatchObject({
    kind: "ok",
    value: { valid: true, pullRequest: { title: TITLE, base: { branch: "main" } } },
  });
});

test("a promotion of what the default branch pins already changes nothing, and nobody changed it by hand", async () => {
  const { look } = await promotion({ [pinPath(PIN)]: renderPin(PIN) });
  for (const _ of [1, 2]) expect(await look()).toMatchObject({ kind: "ok", value: { valid: true } });
});

test.each([
  [{ environments: "mine" }, "`environments` on main is a file"],
  [{ "environments/prod": "mine" }, "`environments/prod` on main is a file"],
  [{ [`${pinPath(PIN)}/mine`]: "mine" }, `\`${pinPath(PIN)}\` on main is a directory`],
])("what stands where the pin belongs is nobody's to take away but a person's: %j", async (files, why) => {
  const { look, bench, page } = await promotion(files);
  for (const _ of [1, 2])
    expect(await look()).toMatchObject({ kind: "refused", why: expect.stringContaining(why) as string });
  expect(page()).toBeUndefined();
  expect(bench.git("branch", "--list", promotionBranch(OF))).toBe("");

  bench.git("rm", "-rq", "environments");
  bench.commit();
  expect(await look()).toMatchObject({ kind: "ok", value: { valid: true } });
});

test("a symbolic link in the way of a pin is told as one", async () => {
  const { look, bench } = await promotion({});
  symlinkSync("a.txt", join(bench.root, "environments"));
  bench.commit();
  expect(await look()).toMatchObject({ kind: "refused", why: expect.stringContaining("is a symbolic link") as string });
});
