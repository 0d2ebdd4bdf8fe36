import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { startTwin, type Exchange } from "../../src/twin/twin.ts";
import { digits } from "../e2e/repositories.ts";
import { checkDelivery } from "./delivery.ts";
import { checkExchange } from "./exchange.ts";

/** What a forge of this machine really answered and sent: the ground on which faults are planted below. */
async function recorded() {
  const directory = mkdtempSync(join(tmpdir(), "sluice-described-"));
  const exchanges: Exchange[] = [];
  const twin = await startTwin({ directory, onExchange: (exchange) => exchanges.push(exchange) });
  onTestFinished(async () => {
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  const repository = await digits(twin.forge);
  await twin.forge.commit(repository, { branch: "more", files: { a: "1\n" }, message: "More", login: "alice" });
  const pull = await twin.forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  const call = async (method: string, path: string, body?: object): Promise<Exchange> => {
    const authorization = `token ${twin.forge.world.token(twin.forge.appUser, repository.installation)}`;
    await fetch(`${twin.apiUrl}${path}`, {
      method,
      headers: { authorization },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return exchanges.at(-1) as Exchange;
  };
  const { deliveries } = twin.forge;
  return { call, pull, sent: deliveries.sent };
}

test("what the forge says is what GitHub describes, and every planted fault is named", async () => {
  const { call, pull } = await recorded();
  const check = { name: "x", head_sha: pull.head, status: "completed", conclusion: "success" };
  const good = await call("POST", "/repos/acme/digits/check-runs", check);
  expect(good.status).toBe(201);
  expect(checkExchange(good)).toEqual([]);
  const answer = good.body as Record<string, unknown>;
  const asked = (body: Record<string, unknown>): Exchange => ({ ...good, call: { ...good.call, body } });
  const faults: readonly [string, Exchange][] = [
    ["no such member of the body: outptu", asked({ ...check, outptu: {} })],
    ["body /conclusion must be equal to one of", asked({ ...check, conclusion: "fine" })],
    ["body / must have required property 'head_sha'", asked({ name: "x" })],
    ["answer /id must be integer", { ...good, body: { ...answer, id: "1" } }],
    ["answer / must have required property 'app'", { ...good, body: { ...answer, app: undefined } }],
    ["GitHub never answers 299 like this", { ...good, status: 299 }],
    ["no such query parameter: perpage", { ...good, call: { ...good.call, query: new URLSearchParams("perpage=1") } }],
    [
      "not in test/fixtures/github/rest.json",
      { ...good, call: { ...good.call, path: "/repos/acme/digits/nothing/like/this" } },
    ],
  ];
  for (const [fault, exchange] of faults)
    expect(checkExchange(exchange), fault).toContainEqual(expect.stringContaining(fault));
});

test("a query, its variables and its answer are held against GitHub's GraphQL schema", async () => {
  const { call } = await recorded();
  const query = `mutation ($node: ID!) {
    minimizeComment(input: { subjectId: $node, classifier: OUTDATED }) { minimizedComment { isMinimized } } }`;
  const good = await call("POST", "/graphql", { query, variables: { node: "nobody" } });
  expect(checkExchange(good)).toEqual([]);
  const data = (isMinimized: unknown) => ({
    data: { minimizeComment: { minimizedComment: { __typename: "IssueComment", isMinimized } } },
  });
  expect(checkExchange({ ...good, body: data(true) })).toEqual([]);
  const asked = (body: Record<string, unknown>): Exchange => ({ ...good, call: { ...good.call, body } });
  const faults: readonly [RegExp, Exchange][] = [
    [/OLD/, asked({ query: query.replace("OUTDATED", "OLD"), variables: { node: "x" } })],
    [/isMinimised/, asked({ query: query.replace("isMinimized", "isMinimised"), variables: { node: "x" } })],
    [/\$node/, { ...asked({ query, variables: {} }), body: data(true) }],
    [/Boolean cannot represent/, { ...good, body: data("yes") }],
  ];
  for (const [fault, exchange] of faults) expect(checkExchange(exchange).join(), fault.source).toMatch(fault);
});

test("deliveries are what GitHub describes, and every planted fault is named", async () => {
  const { sent } = await recorded();
  expect(sent.map(({ event }) => event)).toEqual(["push", "push", "pull_request"]);
  expect(sent.flatMap(checkDelivery)).toEqual([]);
  const [push, , opened] = sent;
  if (push === undefined || opened === undefined) throw new Error("unreachable: compared above");
  const { pusher: _, ...anonymous } = push.payload;
  expect(checkDelivery({ ...push, payload: anonymous }).join()).toContain("required property 'pusher'");
  expect(checkDelivery({ ...opened, payload: { ...opened.payload, number: "1" } }).join()).toContain(
    "/number must be integer",
  );
  expect(checkDelivery({ ...opened, payload: { ...opened.payload, action: "invented" } }).join()).toContain(
    "pull_request.invented",
  );
});
