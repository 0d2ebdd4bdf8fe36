import { once } from "node:events";
import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import { octokitForges } from "../../src/forge/octokit-forges.ts";
import type { Forge } from "../../src/forge/forge.ts";
import { forgeContract } from "../contract/forge.ts";
import { forgePromotionsContract } from "../contract/forge-promotions.ts";
import { passQueue } from "../../src/twin/merge-queue.ts";
import { given, sha, village } from "./village.ts";

describe("on the local forge", () => {
  forgeContract(async () => {
    const { twin, forges, forge, repository, pull, head } = await village();
    return {
      forges,
      forge,
      number: pull.number,
      head,
      comment: (login, body) => {
        const user = twin.forge.world.user(login);
        return Promise.resolve(twin.forge.comment(repository, pull.number, { body, user, app: null }).id);
      },
    };
  });
});

describe("promotions on the local forge", () => {
  forgePromotionsContract(async () => {
    const { twin, forge, repository } = await village();
    const branch = "sluice/promote/prod/digits";
    let commits = 0;
    const push = async () => {
      const files = { [`environments/${commits++}.yaml`]: "x\n" };
      return sha(await twin.forge.commit(repository, { branch, files, message: "Pin", login: "alice" }));
    };
    await push();
    const pull = (number: number) => {
      const found = repository.pulls.get(number);
      if (found === undefined) throw new Error(`there is no pull request ${number}`);
      return found;
    };
    return {
      forge,
      branch,
      push,
      review: (number, login, state) => void twin.forge.review(repository, pull(number), { state, login }),
      label: (number, login, name, add) => twin.forge.label(repository, pull(number), { name, add, login }),
    };
  });
});

test("what is asked every minute costs nothing while it is the same", async () => {
  const { twin, forges, forge, repository, pull } = await village();
  const statuses = async (work: () => Promise<unknown>): Promise<readonly number[]> => {
    const before = twin.exchanges.length;
    await work();
    return twin.exchanges.slice(before).map(({ status }) => status);
  };
  const first = given(await forge.openPullRequests());
  const [all, about] = [given(await forges.repositories()), given(await forge.about())];
  expect(await statuses(async () => expect(given(await forge.openPullRequests())).toEqual(first))).toEqual([304]);
  expect(await statuses(async () => expect(given(await forge.about())).toEqual(about))).toEqual([304]);
  expect(await statuses(async () => expect(given(await forges.repositories())).toEqual(all))).toEqual([304, 304]);
  await twin.forge.commit(repository, { branch: "more", files: { a: "2\n" }, message: "Two", login: "alice" });
  expect(await statuses(() => forge.openPullRequests())).toEqual([200]);
  expect(given(await forge.openPullRequests())[0]?.head.sha).toBe(pull.head);
});

const NOW = 1_790_000_000_000;
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A server that answers as GitHub does when it does not do what it is asked for. */
async function moody(
  reply: (request: IncomingMessage, calls: number) => Reply | "hang up" | "silence",
  timeoutMs = 20_000,
) {
  let calls = 0;
  let tokens = 0;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const isToken = (request.url ?? "").endsWith("/access_tokens");
    if (isToken) tokens++;
    else calls++;
    const expires_at = new Date(NOW + 3_600_000).toISOString();
    const said = isToken ? { status: 201, body: { token: `t${tokens}`, expires_at } } : reply(request, calls);
    if (said === "silence") return;
    if (said === "hang up") {
      request.socket.destroy();
      return;
    }
    response.writeHead(said.status, { "content-type": "application/json", ...said.headers });
    response.end(JSON.stringify(said.body ?? { message: "no" }));
  };
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forge: Forge = octokitForges({ appId: 1, privateKey, apiUrl, now: () => NOW, timeoutMs }).open({
    installation: 7,
    id: 1,
    fullName: "acme/digits",
  });
  return { forge, calls: () => calls, tokens: () => tokens };
}

describe("what GitHub refuses", () => {
  const cases: readonly [string, Reply | "hang up", object][] = [
    ["retry-after", { status: 403, headers: { "retry-after": "30" } }, { kind: "wait", until: NOW + 30_000 }],
    ["too many requests", { status: 429, headers: { "retry-after": "5" } }, { kind: "wait", until: NOW + 5_000 }],
    [
      "a spent limit",
      { status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(NOW / 1_000 + 90) } },
      { kind: "wait", until: NOW + 90_000 },
    ],
    [
      "a secondary limit without a time",
      { status: 403, body: { message: "You have exceeded a secondary rate limit." } },
      { kind: "wait", until: NOW + 60_000 },
    ],
    ["no permission", { status: 403, body: { message: "Resource not accessible" } }, { kind: "refused", status: 403 }],
    ["a body it does not take", { status: 422 }, { kind: "refused", status: 422 }],
    ["not found", { status: 404 }, { kind: "not-found" }],
    ["gone", { status: 410 }, { kind: "not-found" }],
    ["an outage", { status: 502 }, { kind: "unreachable" }],
    ["no answer", "hang up", { kind: "unreachable" }],
  ];
  test.each(cases)("%s", async (_, reply, expected) => {
    const { forge, calls } = await moody(() => reply);
    expect(await forge.createComment(1, "x")).toMatchObject(expected);
    // Nothing is tried again behind our back.
    expect(calls()).toBe(1);
  });

  test("a token that does not hold any more is made anew, once", async () => {
    const body = { permission: "admin", role_name: "admin" };
    const { forge, tokens } = await moody((request) =>
      request.headers.authorization === "token t2" ? { status: 200, body } : { status: 401 },
    );
    expect(await forge.permission("alice")).toEqual({ kind: "ok", value: "admin" });
    expect(await forge.permission("alice")).toEqual({ kind: "ok", value: "admin" });
    expect(tokens()).toBe(2);
    const never = await moody(() => ({ status: 401 }));
    expect(await never.forge.permission("alice")).toMatchObject({ kind: "refused", status: 401 });
    expect(never.calls()).toBe(2);
  });

  test("a call that is not answered in time ends, and none after it", async () => {
    const body = { permission: "admin", role_name: "admin" };
    const { forge } = await moody((_, calls) => (calls === 2 ? "silence" : { status: 200, body }), 2_000);
    expect(await forge.permission("alice")).toMatchObject({ kind: "ok" });
    expect(await forge.permission("alice")).toMatchObject({ kind: "unreachable" });
    expect(await forge.permission("alice")).toMatchObject({ kind: "ok" });
  });

  test("a connection that was closed just when it was used costs another read, and no second write", async () => {
    const body = { permission: "admin", role_name: "admin" };
    const reading = await moody((_, calls) => (calls === 1 ? "hang up" : { status: 200, body }));
    expect(await reading.forge.permission("alice")).toMatchObject({ kind: "ok" });
    expect(reading.calls()).toBe(2);
    const writing = await moody((_, calls) => (calls === 1 ? "hang up" : { status: 201, body }));
    expect(await writing.forge.createComment(1, "x")).toMatchObject({ kind: "unreachable" });
    expect(writing.calls()).toBe(1);
  });

  test("a role of an organisation's own making counts as its base", async () => {
    const { forge } = await moody(() => ({ status: 200, body: { permission: "write", role_name: "deployer" } }));
    expect(await forge.permission("alice")).toEqual({ kind: "ok", value: "write" });
  });

  test("GraphQL says it in the body", async () => {
    const errors = [{ type: "NOT_FOUND", message: "Could not resolve to a node" }];
    const gone = await moody(() => ({ status: 200, body: { data: null, errors } }));
    expect(await gone.forge.minimizeComment("x")).toEqual({ kind: "not-found" });
    const busy = await moody(() => ({ status: 200, body: { data: null, errors: [{ type: "RATE_LIMITED" }] } }));
    expect(await busy.forge.minimizeComment("x")).toMatchObject({ kind: "wait", until: NOW + 60_000 });
  });

  test("its clock is the one that facts are dated by", async () => {
    const date = "Mon, 21 Sep 2026 15:00:00 GMT";
    const { forge } = await moody(() => ({ status: 200, headers: { date }, body: { permission: "read" } }));
    await forge.permission("alice");
    expect(forge.date()).toBe(Date.parse(date));
  });
});

test("a call that took too long ends alone: the next one has its own time", async () => {
  const { twin, repository } = await village();
  let asked = 0;
  const slow = createServer((request, response) => {
    // The first call is never answered; all others are the forge's.
    if (request.url === "/repos/acme/digits" && asked++ === 0) return;
    void passOn(`${twin.apiUrl}${request.url}`, request, response);
  }).listen(0, "127.0.0.1");
  await once(slow, "listening");
  onTestFinished(() => {
    slow.closeAllConnections();
    slow.close();
  });
  const { port } = slow.address() as AddressInfo;
  const { id: appId, privateKey } = twin.app;
  const options = { appId, privateKey, apiUrl: `http://127.0.0.1:${port}`, now: () => Date.now(), timeoutMs: 5_000 };
  const forge = octokitForges(options).open({
    installation: repository.installation,
    id: repository.id,
    fullName: "acme/digits",
  });
  expect(await forge.about()).toMatchObject({ kind: "unreachable" });
  expect(given(await forge.about()).defaultBranch).toBe("main");
});

async function passOn(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = { authorization: request.headers.authorization ?? "" };
  const answer = await fetch(url, { method: request.method ?? "GET", headers });
  response.writeHead(answer.status, { "content-type": "application/json" });
  response.end(await answer.text());
}

test("where a merge queue stands a pull request is put into it at the head that is expected, and taken out", async () => {
  const { twin, forge, repository, pull, head } = await village();
  const expected = { sha: head, branch: "main" };
  expect(given(await forge.enqueue(pull.number, expected))).toBe("no-queue");
  expect(given(await forge.dequeue(pull.number, "main"))).toBe(false);
  twin.forge.queues.set(repository.id, new Map());
  expect(await forge.merge(pull.number, { sha: head, title: "More" })).toMatchObject({ kind: "refused", status: 405 });
  expect(await forge.enqueue(pull.number, { ...expected, sha: sha("0".repeat(40)) })).toMatchObject({
    kind: "refused",
  });
  expect(given(await forge.enqueuedBy(pull.number))).toBe(null);
  expect(given(await forge.enqueue(pull.number, expected))).toBe("queued");
  expect(given(await forge.enqueue(pull.number, expected))).toBe("queued");
  expect(given(await forge.enqueuedBy(pull.number))).toMatchObject({ bot: true });
  expect(given(await forge.dequeue(pull.number, "main"))).toBe(true);
  expect(given(await forge.dequeue(pull.number, "main"))).toBe(false);
  expect(given(await forge.enqueue(pull.number, expected))).toBe("queued");
  await passQueue(twin.forge, repository);
  expect(given(await forge.pullRequest(pull.number))).toMatchObject({
    merged: true,
    mergedBy: { login: "github-merge-queue[bot]", bot: true },
  });
});

test("the local forge counts a reaction once, however often it is sent: whoever was killed sends it again", async () => {
  const { twin, forge, repository, pull } = await village();
  const user = twin.forge.world.user("alice");
  const { id, reactions } = twin.forge.comment(repository, pull.number, { body: "/sluice run", user, app: null });
  given(await forge.react(id, "eyes"));
  given(await forge.react(id, "eyes"));
  expect(reactions.map(({ content }) => content)).toEqual(["eyes"]);
});
