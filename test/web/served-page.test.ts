import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Locator } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";

import type { TwinPullRequest } from "../../src/twin/world.ts";
import { digits, PLUS_TWO } from "../e2e/repositories.ts";
import { serve } from "../e2e/serving.ts";
import { checkedTwin } from "../github/checked-twin.ts";
import { prepareDatabase } from "../prepared-database.ts";
import { lookOver, noBrowser, openBrowser, openPage, type Opened } from "./browser.ts";

if (noBrowser !== undefined) process.stderr.write(`skipped: the page that a service fills, because ${noBrowser}\n`);

test.skipIf(noBrowser !== undefined)(
  "a person sees in the browser what the service did: mistakes, a plan, its run, and the merge",
  { timeout: 240_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-served-"));
    const twin = await checkedTwin({ directory: join(directory, "forge") });
    const data = join(directory, "data");
    chmodSync(directory, 0o755);
    await prepareDatabase(data);
    const service = await serve(twin, data);
    const browser = await openBrowser();
    onTestFinished(async () => {
      await browser.close();
      service.process.kill("SIGKILL");
      await service.ended;
      await twin[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    });
    twin.forge.deliveries.url = `${service.url}/api/github/webhooks`;
    const repository = await digits(twin.forge);
    await twin.forge.commit(repository, { branch: "more", ...PLUS_TWO });
    const pull = await twin.forge.openPull(repository, { branch: "more", title: "Add more", login: "alice" });
    const files = { "pipelines/sum.yaml": "version: 1\nsteps:\n  add:\n    run: echo\n    input: [a]\n" };
    await twin.forge.commit(repository, { branch: "wrong", files, message: "Wrong", login: "alice" });
    const wrong = await twin.forge.openPull(repository, { branch: "wrong", title: "Mistaken", login: "alice" });
    const at = ({ number }: TwinPullRequest): string => `${twin.url}/acme/digits/pull/${number}`;

    const mistaken = await openPage(browser, at(wrong));
    await until(mistaken, mistaken.page.getByRole("list", { name: "annotations" }));
    const notes = mistaken.page.getByRole("list", { name: "annotations" }).getByRole("listitem");
    expect(await notes.first().innerText()).toContain("failure pipelines/sum.yaml:5");
    await lookOver(mistaken, "served-mistake");

    const opened = await openPage(browser, at(pull));
    const { page } = opened;
    const said = page.getByRole("article").filter({ hasText: "sluice[bot]" });
    await until(opened, said.getByRole("row").filter({ hasText: "parameter plus 1 → 2" }));
    const user = twin.forge.world.user("alice");
    twin.forge.comment(repository, pull.number, { body: "/sluice run", user, app: null });
    await until(opened, page.getByRole("img", { name: "rocket of sluice[bot]" }));
    await until(opened, said.getByRole("row").filter({ hasText: "total ↑" }).filter({ hasText: "43" }));
    expect(await said.count()).toBe(1);
    await twin.forge.merge(repository, pull, { login: "alice" });
    const checks = page.getByRole("region", { name: "Checks" });
    const runs = checks.locator(".check").filter({ hasText: /✓ success · sluice \/ run/ });
    await until(opened, runs.nth(1));
    await lookOver(opened, "served-run");
  },
);

/** Looks again until something is on the page. */
async function until({ page }: Opened, what: Locator): Promise<void> {
  const end = Date.now() + 90_000;
  while ((await what.count()) === 0) {
    if (Date.now() > end) throw new Error(`${String(what)}: not after 90 s`);
    await page.reload();
  }
}
