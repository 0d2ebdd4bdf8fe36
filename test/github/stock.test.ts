import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Octokit } from "@octokit/rest";
import { expect, onTestFinished, test } from "vitest";

import { git } from "../../src/twin/bare.ts";
import { digits } from "../e2e/repositories.ts";
import { gitIn } from "../e2e/town.ts";
import { checkedTwin } from "./checked-twin.ts";

async function place() {
  const directory = mkdtempSync(join(tmpdir(), "sluice-stock-"));
  const twin = await checkedTwin({ directory: join(directory, "forge") });
  onTestFinished(async () => {
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  return { directory, twin, repository: await digits(twin.forge) };
}

const at = { owner: "acme", repo: "digits" };

test("Octokit as it comes: reading, paging, writing, and what is refused", async () => {
  const { twin, repository } = await place();
  await twin.forge.commit(repository, { branch: "more", files: { a: "1\n" }, message: "More", login: "alice" });
  const pull = await twin.forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  const octokit = new Octokit({ auth: twin.tokenOf("alice"), baseUrl: twin.apiUrl });
  expect((await octokit.rest.repos.get(at)).data.default_branch).toBe("main");
  const issue_number = pull.number;
  for (let index = 0; index < 35; index++)
    await octokit.rest.issues.createComment({ ...at, issue_number, body: `no ${index}` });
  const comments = await octokit.paginate(octokit.rest.issues.listComments, { ...at, issue_number });
  expect(comments.map(({ body }) => body)).toEqual(Array.from({ length: 35 }, (_, index) => `no ${index}`));
  await octokit.rest.issues.addLabels({ ...at, issue_number, labels: ["promote:staging"] });
  const { data } = await octokit.rest.pulls.get({ ...at, pull_number: issue_number });
  expect([data.labels.map(({ name }) => name), data.changed_files, data.additions]).toEqual([
    ["promote:staging"],
    1,
    1,
  ]);
  const stranger = new Octokit({ auth: "ghp_nobody", baseUrl: twin.apiUrl });
  await expect(stranger.rest.repos.get(at)).rejects.toMatchObject({ status: 401 });
  await expect(
    octokit.rest.issues.createComment({ ...at, issue_number, body: "x".repeat(65_537) }),
  ).rejects.toMatchObject({
    status: 422,
  });
  const merged = await octokit.rest.pulls.merge({ ...at, pull_number: issue_number, merge_method: "squash" });
  expect((await gitIn(repository.directory, "rev-parse", "main")).trim()).toBe(merged.data.sha);
});

test("git as it comes: clone, push, the head of a pull request, and no token no entry", async () => {
  const { directory, twin, repository } = await place();
  const url = (token: string): string => `${twin.url.replace("://", `://x-access-token:${token}@`)}/acme/digits.git`;
  const clone = join(directory, "clone");
  await gitIn(directory, "clone", "--quiet", url(twin.tokenOf("alice")), clone);
  expect(readFileSync(join(clone, "data.txt"), "utf8")).toBe("41\n");
  writeFileSync(join(clone, "data.txt"), "42\n");
  await gitIn(clone, "commit", "-qam", "Forty-two");
  await gitIn(clone, "push", "--quiet", "origin", "HEAD:refs/heads/more");
  const pull = await twin.forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  await gitIn(clone, "fetch", "--quiet", "origin", `refs/pull/${pull.number}/head`);
  expect(await gitIn(clone, "rev-parse", "FETCH_HEAD")).toBe(await gitIn(clone, "rev-parse", "HEAD"));
  writeFileSync(join(clone, "data.txt"), "43\n");
  await gitIn(clone, "commit", "-qam", "Forty-three");
  await gitIn(clone, "push", "--quiet", "origin", "HEAD:refs/heads/more");
  expect(
    twin.forge.deliveries.sent.map(({ event, payload }) =>
      "action" in payload ? `${event} ${payload["action"] as string}` : event,
    ),
  ).toEqual(["push", "push", "pull_request opened", "push", "pull_request synchronize"]);
  expect(pull.size).toEqual({ commits: 2, files: 1, additions: 1, deletions: 1 });
  await expect(gitIn(directory, "ls-remote", url("ghp_nobody"))).rejects.toThrow(/Authentication failed|403|401/);
});

test("git as it reads: long questions come packed, old ones are understood, and a setting counts from the moment it is made", async () => {
  const { directory, twin, repository } = await place();
  const url = `${twin.url.replace("://", `://x-access-token:${twin.tokenOf("alice")}@`)}/acme/digits.git`;
  const clone = join(directory, "clone");
  await gitIn(directory, "clone", "--quiet", url, clone);
  // So much that the forge knows nothing of that what is named does not fit unpacked.
  const own = Array.from(
    { length: 60 },
    (_, nth) => `commit refs/heads/own\ncommitter a <a> ${4_000_000_000 + nth} +0000\ndata 0\n`,
  );
  await git(join(clone, ".git"), ["fast-import", "--quiet"], own.join(""));
  await twin.forge.commit(repository, { branch: "main", files: { a: "1\n" }, message: "One", login: "alice" });
  await gitIn(clone, "fetch", "--quiet", "origin");
  const main = await gitIn(repository.directory, "rev-parse", "main");
  expect(await gitIn(clone, "rev-parse", "origin/main")).toBe(main);
  expect(await gitIn(directory, "-c", "protocol.version=0", "ls-remote", url, "refs/heads/main")).toContain(
    main.trim(),
  );

  const partial = (name: string): Promise<string> =>
    gitIn(directory, "clone", "--quiet", "--bare", "--filter=blob:none", url, join(directory, name)).then(() =>
      gitIn(join(directory, name), "rev-list", "--objects", "--all", "--missing=print"),
    );
  expect(await partial("some")).toMatch(/^\?/m);
  await gitIn(repository.directory, "config", "uploadpack.allowFilter", "false");
  expect(await partial("all")).not.toMatch(/^\?/m);
});

test("a fork: a repository of its own, whose branch is shown as a head of the other one", async () => {
  const { directory, twin, repository } = await place();
  const { forge } = twin;
  const fork = await forge.fork(repository, "zed");
  await forge.commit(fork, { branch: "main", files: { "data.txt": "42\n" }, message: "Forty-two", login: "zed" });
  const octokit = new Octokit({ auth: twin.tokenOf("zed"), baseUrl: twin.apiUrl });
  const opened = await octokit.rest.pulls.create({ ...at, head: "zed:main", base: "main", title: "Forty-two" });
  const { data } = await octokit.rest.pulls.get({ ...at, pull_number: opened.data.number });
  expect([data.head.repo?.full_name, data.head.repo?.fork, data.head.label, data.changed_files]).toEqual([
    "zed/digits",
    true,
    "zed:main",
    1,
  ]);
  expect([data.base.repo.id, data.base.repo.fork, data.head.repo?.id]).toEqual([repository.id, false, fork.id]);
  const there = () => gitIn(repository.directory, "rev-parse", `refs/pull/${data.number}/head`, "refs/heads/main");
  const main = (await gitIn(repository.directory, "rev-parse", "main")).trim();
  expect(await there()).toBe(`${data.head.sha}\n${main}\n`);

  // Pushed by git, as its owner does; a push to a branch of the same name here is another one.
  const url = `${twin.url.replace("://", `://zed:${twin.tokenOf("zed")}@`)}/zed/digits.git`;
  const clone = join(directory, "clone");
  await gitIn(directory, "clone", "--quiet", url, clone);
  writeFileSync(join(clone, "data.txt"), "43\n");
  await gitIn(clone, "commit", "-qam", "Forty-three");
  await gitIn(clone, "push", "--quiet", "origin", "HEAD:refs/heads/main");
  const head = (await gitIn(clone, "rev-parse", "HEAD")).trim();
  const after = await forge.commit(repository, { branch: "main", files: { b: "1\n" }, message: "B", login: "alice" });
  expect(await there()).toBe(`${head}\n${after}\n`);
  expect((await octokit.rest.pulls.list({ ...at, head: "acme:main" })).data).toEqual([]);
  expect((await octokit.rest.pulls.list({ ...at, head: "zed:main" })).data.map(({ number }) => number)).toEqual([1]);
  expect(forge.deliveries.sent.map(({ event, payload }) => ("action" in payload ? payload["action"] : event))).toEqual([
    "push",
    "opened",
    "synchronize",
    "push",
  ]);
  const pull = repository.pulls.get(1);
  if (pull === undefined) throw new Error("it was opened");
  const merged = await forge.merge(repository, pull, { login: "alice" });
  expect(await gitIn(repository.directory, "show", `${merged}:data.txt`)).toBe("43\n");
});

const APP = `export default (app) => {
  app.on("pull_request.opened", async (context) => {
    await context.octokit.rest.issues.createComment(context.issue({ body: "seen by probot run" }));
  });
};
`;

test("a Probot app by its own command, with nothing but its environment", { timeout: 120_000 }, async () => {
  const { directory, twin, repository } = await place();
  const bin = join(import.meta.dirname, "../../node_modules/probot/bin/probot.js");
  const file = join(directory, "app.mjs");
  writeFileSync(file, APP);
  const port = await freePort();
  const child = spawn(process.execPath, [bin, "run", file], {
    cwd: directory,
    env: {
      PATH: process.env["PATH"],
      HOME: directory,
      NODE_ENV: "production",
      GHE_PROTOCOL: "http",
      GHE_HOST: new URL(twin.url).host,
      APP_ID: String(twin.app.id),
      PRIVATE_KEY: twin.app.privateKey,
      WEBHOOK_SECRET: twin.app.secret,
      HOST: "127.0.0.1",
      PORT: String(port),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes("Listening on")) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void ended.then(() => reject(new Error(`probot ended: ${said}`)));
  });
  twin.forge.deliveries.url = `http://127.0.0.1:${port}/api/github/webhooks`;
  await twin.forge.commit(repository, { branch: "more", files: { a: "1\n" }, message: "More", login: "alice" });
  const pull = await twin.forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  await twin.forge.deliveries.idle();
  expect(repository.comments.get(pull.number)?.map(({ body, app }) => [body, app])).toEqual([
    ["seen by probot run", twin.app.id],
  ]);
  expect(twin.forge.deliveries.sent.map(({ status }) => status)).not.toContain(400);
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
