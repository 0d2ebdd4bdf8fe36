import { expect, test } from "vitest";

import { isWrite, type Fault } from "../../src/twin/faults.ts";
import { suffer } from "../../src/twin/suffer.ts";
import { gitIn } from "../e2e/town.ts";
import { given, village } from "../forge/village.ts";

const bodies = (comments: readonly { readonly body: string }[] | undefined) => (comments ?? []).map(({ body }) => body);

test("limits say until when, and nothing is asked before", async () => {
  const limits: readonly Fault[] = [
    { kind: "primary-limit", seconds: 2 },
    { kind: "secondary-limit", status: 403, seconds: 2 },
    { kind: "secondary-limit", status: 429, seconds: 2 },
  ];
  for (const fault of limits) {
    const { twin, forge, pull } = await village();
    given(await forge.about());
    const limit = await suffer(twin.forge, fault);
    const began = Date.now();
    const refused = await forge.createComment(pull.number, "one");
    expect(refused).toMatchObject({ kind: "wait" });
    // Whole seconds are said, and never fewer than are left.
    const until = refused.kind === "wait" ? refused.until - began : 0;
    expect(until).toBeGreaterThan(1_000);
    expect(until).toBeLessThan(4_000);
    expect(await forge.about()).toMatchObject({ kind: "wait" });
    expect(await forge.permission("alice")).toMatchObject({ kind: "wait" });
    expect(limit.met).toBe(1);
  }
});

test("a server that breaks, for some requests or until it is well", async () => {
  const { twin, forge, repository, pull } = await village();
  const some = await suffer(twin.forge, { kind: "server-error", status: 503 }, { times: 2 });
  expect(await forge.about()).toMatchObject({ kind: "unreachable" });
  expect(await forge.about()).toMatchObject({ kind: "unreachable" });
  expect(some.over).toBe(true);
  given(await forge.about());
  const writes = await suffer(twin.forge, { kind: "server-error", status: 500 }, { only: isWrite });
  expect(await forge.createComment(pull.number, "x")).toMatchObject({ kind: "unreachable" });
  given(await forge.ownComments(pull.number));
  await expect(gitIn(repository.directory, "push", urlOf(twin, "alice"), "main:refs/heads/x")).rejects.toThrow("500");
  writes.end();
  await gitIn(repository.directory, "push", urlOf(twin, "alice"), "main:refs/heads/x");
  expect(bodies(repository.comments.get(pull.number))).toEqual([]);
});

test("a connection that closes: reading is tried once more, writing is not", async () => {
  const { twin, forge, repository, pull } = await village();
  given(await forge.about());
  await suffer(twin.forge, { kind: "closed" }, { times: 1 });
  given(await forge.about());
  await suffer(twin.forge, { kind: "closed" }, { times: 1 });
  expect(await forge.createComment(pull.number, "x")).toMatchObject({ kind: "unreachable" });
  expect(bodies(repository.comments.get(pull.number))).toEqual([]);
});

test("an answer that is lost: what was asked for has happened", async () => {
  const { twin, forge, repository, pull } = await village();
  const lost = await suffer(twin.forge, { kind: "answer-lost" }, { only: isWrite });
  expect(await forge.createComment(pull.number, "x")).toMatchObject({ kind: "unreachable" });
  expect(bodies(repository.comments.get(pull.number))).toEqual(["x"]);
  await expect(gitIn(repository.directory, "push", urlOf(twin, "alice"), "main:refs/heads/x")).rejects.toThrow();
  expect(await gitIn(repository.directory, "for-each-ref", "--format=%(refname)", "refs/heads/x")).toContain("x");
  expect(lost.met).toBe(2);
});

test("tokens that end early are replaced by new ones", async () => {
  const { twin, forge } = await village();
  const before = given(await forge.gitToken());
  await suffer(twin.forge, { kind: "tokens-expired" });
  given(await forge.about());
  expect(given(await forge.gitToken())).not.toBe(before);
});

test("taken out of an account, the App waits and takes nothing there for gone, until it is put back", async () => {
  let ahead = 0;
  const { twin, forges, forge, repository } = await village(() => Date.now() + ahead);
  given(await forge.about());
  const out = await suffer(twin.forge, { kind: "uninstalled", installation: repository.installation });
  expect(await forge.about()).toMatchObject({ kind: "wait", why: "the App is not installed there" });
  expect(await forge.permission("alice")).toMatchObject({ kind: "wait" });
  expect(given(await forges.repositories())).toEqual([]);
  const asked = twin.exchanges.length;
  expect(await forge.gitToken()).toMatchObject({ kind: "wait" });
  expect(twin.exchanges.length).toBe(asked);
  out.end();
  expect(await forge.about()).toMatchObject({ kind: "wait" });
  ahead = 31_000;
  given(await forge.about());
  expect(twin.forge.deliveries.sent.slice(-2).map(({ payload }) => payload["action"])).toEqual(["deleted", "created"]);
});

test("put back into an account, the App asks at once; a limit that was said meanwhile is kept to", async () => {
  const { twin, forges, forge, repository } = await village();
  const out = await suffer(twin.forge, { kind: "uninstalled", installation: repository.installation });
  expect(await forge.about()).toMatchObject({ kind: "wait", why: "the App is not installed there" });
  forges.letIn(repository.installation);
  expect(await forge.about()).toMatchObject({ kind: "wait", why: "the App is not installed there" });
  out.end();
  forges.letIn(repository.installation);
  given(await forge.about());
  await suffer(twin.forge, { kind: "secondary-limit", status: 403, seconds: 60 });
  expect(await forge.about()).toMatchObject({ kind: "wait" });
  const asked = twin.exchanges.length;
  forges.letIn(repository.installation);
  expect(await forge.about()).toMatchObject({ kind: "wait" });
  expect(twin.exchanges.length).toBe(asked);
});

test("a name that another repository has by now leads to neither of them by mistake", async () => {
  const { twin, forges, forge, repository, pull } = await village();
  given(await forge.about());
  await suffer(twin.forge, { kind: "renamed", repository, to: "numbers" });
  expect(given(await forge.about()).ref.fullName).toBe("acme/numbers");
  const other = await twin.forge.repository({ owner: "acme", name: "digits", files: { a: "x\n" } });
  twin.forge.world.moved.clear();
  given(await forge.createComment(pull.number, "x"));
  expect(bodies(repository.comments.get(pull.number))).toEqual(["x"]);
  expect(other.comments.size).toBe(0);
  // An outbox may hold what was wanted under the old name.
  const late = forges.open({ id: repository.id, installation: repository.installation, fullName: "acme/digits" });
  given(await late.createComment(pull.number, "y"));
  expect(bodies(repository.comments.get(pull.number))).toEqual(["x", "y"]);
  const wrong = forges.open({ id: 1, installation: repository.installation, fullName: "acme/digits" });
  expect(await wrong.about()).toEqual({ kind: "not-found" });
});

test("under its old name a renamed repository is read and written all the same, over the API and over git", async () => {
  const { twin, forge, repository, pull } = await village();
  await suffer(twin.forge, { kind: "renamed", repository, to: "numbers" });
  expect(given(await forge.about())).toMatchObject({
    ref: { fullName: "acme/numbers" },
    cloneUrl: `${twin.url}/acme/numbers.git`,
  });
  given(await forge.createComment(pull.number, "x"));
  expect(bodies(repository.comments.get(pull.number))).toEqual(["x"]);
  await gitIn(repository.directory, "push", urlOf(twin, "alice"), "main:refs/heads/x");
  expect(twin.forge.deliveries.sent.map(({ event }) => event)).toContain("repository");
});

function urlOf(twin: { readonly url: string; tokenOf(login: string): string }, login: string): string {
  return `${twin.url.replace("//", `//${login}:${twin.tokenOf(login)}@`)}/acme/digits.git`;
}
