import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startTwin, type Twin } from "../../src/twin/twin.ts";
import type { TwinCheck, TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { lookOver, noBrowser, openBrowser, openPage, type Opened } from "./browser.ts";

if (noBrowser !== undefined) process.stderr.write(`skipped: the page of a pull request, because ${noBrowser}\n`);

const golden = (name: string): string =>
  readFileSync(new URL(`../golden/report/${name}.md`, import.meta.url).pathname, "utf8");
let browser: Browser;
let twin: Twin;
let repository: TwinRepository;
let directory: string;

describe.skipIf(noBrowser !== undefined)("the page of a pull request", () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "sluice-page-"));
    twin = await startTwin({ directory });
    repository = await twin.forge.repository({ owner: "acme", name: "digits", files: { "a.txt": "a\n" } });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  test("shows a plan: why steps run, the graph one click away, checks and labels", async () => {
    const pull = await pullOf("plan", { title: "Learn slower", comment: golden("sticky-several") });
    twin.forge.label(repository, pull, { name: "promote:staging", add: true, login: "ada" });
    check(pull, { name: "sluice / plan", conclusion: "success", title: "1 step runs" });
    check(pull, { name: "sluice / run", conclusion: null, title: "under way" });
    const opened = await shown(pull);
    const { page } = opened;
    expect(await page.title()).toBe(`Learn slower #${pull.number}`);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(`Learn slower #${pull.number}`);
    const comment = page.getByRole("article").filter({ hasText: "sluice[bot]" });
    const table = comment.getByRole("table").first();
    expect(await table.getByRole("columnheader").allInnerTexts()).toEqual(["", "step", "why", "time"]);
    expect(await table.getByRole("row").nth(1).getByRole("cell").allInnerTexts()).toEqual([
      "▶",
      "train",
      "parameter learning_rate 0.1 → 0.05",
      "42 s ± 3",
    ]);
    expect(await table.locator("tbody td:first-child").allInnerTexts()).toEqual(["▶", "◇", "✓"]);
    const graph = comment.getByRole("img", { name: "Graph: ✓ prepare, ▶ train, ◇ evaluate" }).first();
    expect(await graph.isVisible()).toBe(false);
    await comment.getByText("Graph · Parameters (1)").first().click();
    expect(await graph.isVisible()).toBe(true);
    expect(await graph.locator("svg .node").count()).toBe(3);
    expect(await comment.innerText()).toContain("$0.01 is more than last time");
    expect(await page.getByRole("list", { name: "labels" }).innerText()).toBe("promote:staging");
    const checks = page.getByRole("region", { name: "Checks" });
    expect(await checks.innerText()).toMatch(/✓ success · sluice \/ plan · 1 step runs/);
    expect(await checks.innerText()).toMatch(/in progress · sluice \/ run · under way/);
    expect(await page.getByRole("contentinfo").innerText()).toContain(
      `git -C ${repository.directory} log sluice/ledger`,
    );
    await lookOver(opened, "plan");
  });

  test("shows a run with its metrics, and a chart that somebody wrote", async () => {
    const pull = await pullOf("run", { title: "Learn better", comment: golden("sticky-better") });
    say(pull, '```mermaid\nxychart-beta\n  title "accuracy"\n  x-axis [r4k7, r8x2]\n  line [0.9848, 0.9889]\n```');
    check(pull, { name: "sluice / run (digits)", conclusion: "success", title: "better than main" });
    const opened = await shown(pull);
    const { page } = opened;
    const row = page.getByRole("row").filter({ hasText: "accuracy ↑" });
    expect(await row.getByRole("cell").allInnerTexts()).toEqual([
      "accuracy ↑",
      "0.9848",
      "0.9889",
      "+0.0041",
      "better (tolerance 0.002) · gate ≥ 0.95 passed",
    ]);
    const chart = page.getByRole("img", { name: "Graph: accuracy" });
    expect(await chart.isVisible()).toBe(true);
    expect(await chart.locator("svg path").count()).toBeGreaterThan(0);
    await lookOver(opened, "run");
  });

  test("shows why a run failed, and its check open", async () => {
    const pull = await pullOf("failed", { title: "Learn more", comment: golden("sticky-failed") });
    const summary = "Out of memory in `train`.";
    check(pull, { name: "sluice / run (digits)", conclusion: "failure", title: "failed in train", summary });
    note(pull, { path: "pipelines/a<b>.yaml", title: "unknown-key", message: "<img src=x> \u202Eis no key" });
    const opened = await shown(pull);
    const { page } = opened;
    expect(await page.getByRole("list", { name: "annotations" }).getByRole("listitem").allInnerTexts()).toEqual([
      "failure pipelines/a<b>.yaml:3 unknown-key\n<img src=x> \u202Eis no key",
    ]);
    expect(await page.getByRole("region", { name: "Deployments" }).count()).toBe(0);
    const article = page.getByRole("article").filter({ hasText: "sluice[bot]" });
    expect(await article.locator("pre").first().innerText()).toBe("epoch 3\n/sluice promote prod\nKilled");
    expect(await page.getByText("Out of memory in train.").isVisible()).toBe(true);
    await lookOver(opened, "failed");
  });

  test("shows a promotion, which is written in its own description", async () => {
    const pull = await pullOf("promotion", { title: "Promote digits to staging", body: golden("promotion") });
    twin.forge.review(repository, pull, { state: "APPROVED", body: "Good.", login: "grace" });
    const sha = (await twin.forge.merge(repository, pull, { login: "sluice[bot]" })) ?? "";
    const bare = { id: 1, ref: sha, sha, task: "deploy:digits", creator: twin.forge.appUser, at: pull.createdAt };
    const status = { id: 2, state: "failure", description: "degraded: smoke failed", at: pull.createdAt };
    repository.deployments.push(
      { ...bare, environment: "dev", description: "on its way", statuses: [] },
      { ...bare, environment: "staging", description: "", statuses: [{ ...status, state: "in_progress" }, status] },
    );
    const opened = await shown(pull);
    const { page } = opened;
    expect(await page.locator(".state").innerText()).toBe("merged");
    expect(await page.getByRole("heading", { level: 3 }).innerText()).toContain("waiting for 1 approval from @");
    expect(await page.getByRole("article").filter({ hasText: "reviewed" }).innerText()).toMatch(/grace.*approved/);
    const deployments = page.getByRole("region", { name: "Deployments" }).getByRole("listitem");
    expect(await deployments.allInnerTexts()).toEqual([
      `failure · staging · deploy:digits ${sha.slice(0, 7)}\ndegraded: smoke failed`,
      `pending · dev · deploy:digits ${sha.slice(0, 7)}\non its way`,
    ]);
    const articles = page.getByRole("article");
    expect(await articles.first().innerText()).toContain("the approval of e|ve`<b> does not count");
    await lookOver(opened, "promotion");
  });

  test("shows what strangers wrote as text, and nothing of it beyond its comment", async () => {
    const script = `<script>document.title = "taken"</script><img src="http://example.com/x.png" onerror="alert(1)">`;
    const pull = await pullOf("hostile", { title: `${script} @team \u202Eflow <!-- hidden -->`, body: script });
    say(
      pull,
      "@team <b>bold for ever\n\n<details><summary>folded for ever</summary>\n\n# first of all\n\n`<!-- x -->`",
    );
    say(
      pull,
      '```mermaid\nflowchart LR\n  a["<img src=http://example.com/y onerror=alert(1)>"] --> b["#60;img src=http://example.com/z onerror=alert(1)#62;"]\n```',
    );
    say(pull, "```mermaid\nthis is no graph\n```");
    say(pull, "</details></article></main> \\<!-- seen --> &lt;!-- also --&gt; `a|b` [x](javascript:alert(1))");
    const mark = "\u202Eflow";
    twin.forge.label(repository, pull, { name: `<i>${mark}`, add: true, login: "mallory" });
    check(pull, { name: "<b>check", conclusion: "neutral", title: script });
    const opened = await shown(pull);
    const { page } = opened;
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toContain(`${script} @team`);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toContain("<!-- hidden -->");
    expect(await page.getByRole("article").first().innerText()).toContain(script);
    await page.getByText("folded for ever").click();
    expect(await page.getByText("<!-- x -->").isVisible()).toBe(true);
    expect(await page.locator("figure .nodeLabel").allTextContents()).toEqual([
      "<img src=http://example.com/y onerror=alert(1)>",
      "<img src=http://example.com/z onerror=alert(1)>",
    ]);
    expect(await page.getByText("this is no graph").isVisible()).toBe(true);
    const last = page.getByRole("article").last();
    expect(await last.innerText()).toContain(
      "</details></article></main> <!-- seen --> <!-- also --> a|b [x](javascript:alert(1))",
    );
    expect(await page.getByText("<b>bold for ever").isVisible()).toBe(true);
    expect(await page.locator("main img, main a").count()).toBe(0);
    expect(await page.getByRole("list", { name: "labels" }).innerText()).toBe(`<i>${mark}`);
    await lookOver(opened, "hostile");
  });
});

interface Order {
  readonly title: string;
  readonly body?: string;
  readonly comment?: string;
}

async function pullOf(branch: string, { title, body = "", comment }: Order): Promise<TwinPullRequest> {
  await twin.forge.commit(repository, { branch, files: { [branch]: branch }, message: branch, login: "ada" });
  const pull = await twin.forge.openPull(repository, { branch, title, body, login: "ada" });
  const user = twin.forge.appUser;
  if (comment !== undefined) twin.forge.comment(repository, pull.number, { body: comment, user, app: twin.app.id });
  return pull;
}

function say(pull: TwinPullRequest, body: string): void {
  twin.forge.comment(repository, pull.number, { body, user: twin.forge.world.user("mallory"), app: null });
}

type Told = Pick<TwinCheck, "name" | "conclusion"> & { readonly title: string; readonly summary?: string };

function check(pull: TwinPullRequest, { name, conclusion, title, summary = "" }: Told): void {
  repository.checks.push({
    id: twin.forge.world.id(),
    name,
    head: pull.head,
    status: conclusion === null ? "in_progress" : "completed",
    conclusion,
    externalId: "",
    output: { title, summary, text: "", annotations: [] },
    actions: [],
    startedAt: pull.createdAt,
    completedAt: null,
  });
}

function note(pull: TwinPullRequest, { path, title, message }: Record<"path" | "title" | "message", string>): void {
  const there = repository.checks.findLast(({ head }) => head === pull.head);
  const place = { path, start_line: 3, end_line: 3, annotation_level: "failure" };
  there?.output.annotations.push({ ...place, title, message });
}

function shown(pull: TwinPullRequest): Promise<Opened> {
  return openPage(browser, `${twin.url}/${repository.fullName}/pull/${pull.number}`);
}
