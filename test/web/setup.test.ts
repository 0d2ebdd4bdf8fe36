import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseHTML } from "linkedom";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";

import type { SetupConfig } from "../../src/config-service.ts";
import { readServiceConfig } from "../../src/config.ts";
import type { JsonObject } from "../../src/identity/canonical-json.ts";
import { ACTED_ON } from "../../src/trigger/delivery.ts";
import { startSetup, type Setup } from "../../src/web/setup.ts";
import { PRIVATE_KEY } from "../app/parts.ts";

const manifest = parse(readFileSync(join(import.meta.dirname, "../../app.yml"), "utf8")) as JsonObject & {
  readonly default_events: readonly string[];
  readonly default_permissions: Readonly<Record<string, string>>;
};

/** A forge that exchanges the code `good` once. */
async function forge(answer: unknown): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const good = request.url === "/api/v3/app-manifests/good/conversions";
    response.writeHead(good ? 201 : 404, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function setup(
  answer: unknown,
): Promise<Setup & { config: SetupConfig; asked: string[]; stop: AbortController }> {
  const data = mkdtempSync(join(tmpdir(), "sluice-setup-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  const { url, asked } = await forge(answer);
  const config = { forge: { web: url, api: `${url}/api/v3` }, host: "127.0.0.1", port: 0, data: join(data, "new") };
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  return { ...(await startSetup(config, { manifest, stop: stop.signal })), config, asked, stop };
}

const created = { id: 42, pem: PRIVATE_KEY, webhook_secret: "abc123", html_url: "https://github.com/apps/sluice" };

async function formOf(url: string): Promise<{ action: string; manifest: JsonObject }> {
  const { document } = parseHTML(await (await fetch(url)).text());
  const form = document.querySelector("form[method=post]");
  const value = form?.querySelector("input[name=manifest]")?.getAttribute("value") ?? "";
  return { action: form?.getAttribute("action") ?? "", manifest: JSON.parse(value) as JsonObject };
}

test("the App is created, kept for the owner alone, and the service starts with it", async () => {
  const flow = await setup(created);
  expect(await (await fetch(flow.url)).text()).toContain('name="organization"');
  const form = await formOf(`${flow.url}/create?url=https://sluice.example.com&organization=acme`);
  expect(form.action).toMatch(/\/organizations\/acme\/settings\/apps\/new\?state=[\w-]{32}$/);
  expect(form.manifest).toEqual({
    ...manifest,
    hook_attributes: { url: "https://sluice.example.com/api/github/webhooks", active: true },
    redirect_url: `${flow.url}/callback`,
  });
  const state = new URL(form.action).searchParams.get("state");
  const answer = await fetch(`${flow.url}/callback?code=good&state=${state}`);
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("sluice serve")]);
  const file = join(flow.config.data, "app.env");
  expect(await flow.end).toEqual({
    kind: "created",
    app: 42,
    page: "https://github.com/apps/sluice/installations/new",
    file,
  });
  expect([file, join(flow.config.data, "app.pem")].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
  const moved = `${flow.config.data}-moved`;
  onTestFinished(() => rmSync(moved, { recursive: true, force: true }));
  renameSync(flow.config.data, moved);
  expect(await readServiceConfig({ SLUICE_DATA: moved }, "/")).toMatchObject({
    kind: "ok",
    config: { app: { id: 42, privateKey: PRIVATE_KEY }, webhooks: { secret: "abc123" }, forge: flow.config.forge },
  });
});

test("without an address nothing is sent, and the forge is polled", async () => {
  const flow = await setup({ ...created, webhook_secret: null });
  const form = await formOf(`${flow.url}/create`);
  expect(form.manifest["hook_attributes"]).toMatchObject({ active: false });
  await fetch(`${flow.url}/callback?code=good&state=${new URL(form.action).searchParams.get("state")}`);
  await flow.end;
  expect(await readServiceConfig({ SLUICE_DATA: flow.config.data }, "/")).toMatchObject({
    kind: "ok",
    config: { webhooks: null },
  });
});

test("an answer with another state, a bad code or a strange body keeps nothing, and one may try again", async () => {
  const flow = await setup({ ...created, pem: 5 });
  const state = new URL((await formOf(`${flow.url}/create`)).action).searchParams.get("state");
  expect((await fetch(`${flow.url}/callback?code=good&state=x`)).status).toBe(400);
  expect((await fetch(`${flow.url}/callback?code=good`)).status).toBe(400);
  expect(flow.asked).toEqual([]);
  expect((await fetch(`${flow.url}/callback?code=../../user&state=${state}`)).status).toBe(502);
  expect(flow.asked).toEqual([]);
  expect((await fetch(`${flow.url}/callback?code=bad&state=${state}`)).status).toBe(502);
  expect((await fetch(`${flow.url}/callback?code=good&state=${state}`)).status).toBe(502);
  expect(() => statSync(flow.config.data)).toThrow("ENOENT");
  expect((await fetch(`${flow.url}/create?organization=a/b`)).status).toBe(400);
  expect((await fetch(`${flow.url}/create?url=javascript:alert(1)`)).status).toBe(400);
  expect((await fetch(`${flow.url}/create?url=${encodeURIComponent('https://x"><script>')}`)).status).toBe(400);
  const hostile = await formOf(`${flow.url}/create?url=${encodeURIComponent("https://x/'><script>&quot;")}`);
  expect(hostile.manifest["redirect_url"]).toBe(`${flow.url}/callback`);
  flow.stop.abort();
  expect(await flow.end).toEqual({ kind: "stopped" });
});

test("app.yml subscribes to what triggers are made from, and asks for no more than is needed", () => {
  const everyApp = ["installation", "installation_repositories"];
  expect(manifest.default_events).toEqual([...ACTED_ON.keys()].filter((event) => !everyApp.includes(event)).sort());
  expect(manifest.default_permissions).toEqual({
    metadata: "read",
    members: "read",
    merge_queues: "read",
    contents: "write",
    pull_requests: "write",
    checks: "write",
    issues: "write",
    deployments: "write",
  });
});
