import { randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { html } from "hono/html";

import { APP_FILE, APP_KEY, type SetupConfig } from "../config-service.ts";
import type { Json, JsonObject } from "../identity/canonical-json.ts";
import { WEBHOOK_PATH } from "./server.ts";

export type SetupEnd =
  | { readonly kind: "created"; readonly app: number; readonly page: string | null; readonly file: string }
  | { readonly kind: "stopped" };

export interface Setup {
  /** The page to open. */
  readonly url: string;
  /** Settles when the App was created, or when `stop` is aborted. */
  readonly end: Promise<SetupEnd>;
}

/**
 * GitHub's manifest flow: a page on this machine sends the manifest to GitHub, GitHub sends the person back with a
 * code, and the code is exchanged for the App's number, key and webhook secret, which are kept in `SLUICE_DATA`.
 */
export async function startSetup(
  config: SetupConfig,
  { manifest, stop }: { readonly manifest: JsonObject; readonly stop: AbortSignal },
): Promise<Setup> {
  const { promise, resolve } = Promise.withResolvers<SetupEnd>();
  const server = createAdaptorServer({ fetch: (request) => hono.fetch(request) }) as Server;
  await new Promise<void>((listening, reject) => {
    server.once("error", reject);
    server.listen(config.port, config.host, listening);
  });
  const url = `http://${config.host}:${(server.address() as AddressInfo).port}`;
  const hono = pages({ config, manifest, url, state: randomBytes(24).toString("base64url"), created: resolve });
  const stopped = (): void => resolve({ kind: "stopped" });
  if (stop.aborted) stopped();
  else stop.addEventListener("abort", stopped, { once: true });
  const end = promise.finally(() => {
    stop.removeEventListener("abort", stopped);
    server.close();
    server.closeIdleConnections();
  });
  return { url, end };
}

interface Flow {
  readonly config: SetupConfig;
  readonly manifest: JsonObject;
  readonly url: string;
  /** Proves that the person who comes back is the one who was sent. */
  readonly state: string;
  readonly created: (end: SetupEnd) => void;
}

function pages(flow: Flow): Hono {
  const hono = new Hono();
  hono.get("/", (context) => context.html(page(html`${questions}`)));
  hono.get("/create", (context) => {
    const wanted = { address: context.req.query("url") ?? "", organization: context.req.query("organization") ?? "" };
    const form = createForm(flow, wanted);
    return form.kind === "ok" ? context.html(page(form.body)) : context.html(page(html`<p>${form.why}</p>`), 400);
  });
  hono.get("/callback", async (context) => {
    if (!sameText(context.req.query("state") ?? "", flow.state)) {
      return context.html(
        page(html`<p>This answer does not belong to this setup. <a href="/">Begin again</a>.</p>`),
        400,
      );
    }
    const ended = await exchange(flow.config, context.req.query("code") ?? "");
    if (ended.kind === "refused")
      return context.html(page(html`<p>${ended.why} <a href="/">Begin again</a>.</p>`), 502);
    context.header("connection", "close");
    // Only when the page is on its way may the server stop.
    setImmediate(() => flow.created(ended));
    return context.html(
      page(
        html`<p>The App is created. Install it: <a href="${ended.page ?? ""}">${ended.page ?? ""}</a></p>
          <p>Then start the service: <code>sluice serve</code></p>`,
      ),
    );
  });
  return hono;
}

const questions = html`<form action="/create">
  <p>
    <label
      >Address at which GitHub reaches this service, or nothing to poll<br />
      <input name="url" type="url" placeholder="https://sluice.example.com" size="50"
    /></label>
  </p>
  <p>
    <label
      >Organization that owns the App, or nothing for your own account<br />
      <input name="organization" placeholder="acme" size="50"
    /></label>
  </p>
  <button>Go on</button>
</form>`;

type Html = ReturnType<typeof html>;

function createForm(
  flow: Flow,
  { address, organization }: { readonly address: string; readonly organization: string },
): { readonly kind: "ok"; readonly body: Html } | { readonly kind: "refused"; readonly why: string } {
  if (address !== "" && (!/^https?:\/\//.test(address) || !URL.canParse(address))) {
    return { kind: "refused", why: "The address must begin with https:// or http://." };
  }
  if (!/^[A-Za-z0-9-]{0,100}$/.test(organization)) {
    return { kind: "refused", why: "An organization is named by letters, digits and hyphens." };
  }
  const hook = {
    url: new URL(WEBHOOK_PATH, address === "" ? "https://example.invalid" : address).href,
    active: address !== "",
  };
  const manifest: Json = { ...flow.manifest, hook_attributes: hook, redirect_url: `${flow.url}/callback` };
  const owner = organization === "" ? "" : `/organizations/${organization}`;
  const action = `${flow.config.forge.web}${owner}/settings/apps/new?state=${flow.state}`;
  const body = html`<form action="${action}" method="post">
    <input type="hidden" name="manifest" value="${JSON.stringify(manifest)}" />
    <p>GitHub shows what the App may do, and asks for its name.</p>
    <button>Create the App on GitHub</button>
  </form>`;
  return { kind: "ok", body };
}

function page(body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" /><title>Sluice: setup</title>
      <style>
        body {
          font: 16px/1.5 system-ui;
          margin: 3rem auto;
          max-width: 40rem;
          padding: 0 1rem;
        }
      </style>
      <h1>Create the GitHub App</h1>
      ${body}
    </html>`;
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

type Exchanged = Extract<SetupEnd, { kind: "created" }> | { readonly kind: "refused"; readonly why: string };

async function exchange(config: SetupConfig, code: string): Promise<Exchanged> {
  if (!/^[\w-]{1,200}$/.test(code)) return { kind: "refused", why: "GitHub sent no code." };
  let answer: unknown;
  try {
    const response = await fetch(`${config.forge.api}/app-manifests/${code}/conversions`, {
      method: "POST",
      headers: { accept: "application/vnd.github+json", "user-agent": "sluice" },
      signal: AbortSignal.timeout(20_000),
    });
    if (response.status !== 201) {
      return { kind: "refused", why: `GitHub answered ${response.status}: a code lasts an hour and is good for once.` };
    }
    answer = await response.json();
  } catch {
    return { kind: "refused", why: `${config.forge.api} cannot be reached.` };
  }
  return keep(config, answer);
}

function keep(config: SetupConfig, answer: unknown): Exchanged {
  const { id, pem, webhook_secret: secret, html_url: url } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  const plain = typeof secret === "string" && /^[\x21-\x7e]+$/.test(secret) && !secret.includes("'");
  if (typeof id !== "number" || typeof pem !== "string" || !pem.includes("-----BEGIN") || (!plain && secret !== null)) {
    return { kind: "refused", why: "GitHub's answer lacks the App's number, key or secret." };
  }
  const [file, key] = [join(config.data, APP_FILE), join(config.data, APP_KEY)];
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  for (const path of [file, key]) if (existsSync(path)) rmSync(path);
  writeFileSync(key, pem, { mode: 0o600, flag: "wx" });
  const { web } = config.forge;
  const lines = [
    `APP_ID=${id}`,
    `PRIVATE_KEY_PATH='${APP_KEY}'`,
    plain ? `WEBHOOK_SECRET='${secret}'` : "SLUICE_WEBHOOKS=off",
    ...(web === "https://github.com"
      ? []
      : [`GHE_HOST=${new URL(web).host}`, `GHE_PROTOCOL=${new URL(web).protocol.slice(0, -1)}`]),
  ];
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600, flag: "wx" });
  const page = typeof url === "string" && /^https?:\/\//.test(url) ? `${url}/installations/new` : null;
  return { kind: "created", app: id, page, file };
}
