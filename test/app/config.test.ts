import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { addressFault, keylessOf } from "../../src/config-keyless.ts";
import { readServiceConfig } from "../../src/config.ts";
import { isPrivateVariable } from "../../src/pipeline/private-variable.ts";
import { PRIVATE_KEY } from "./parts.ts";

const good = { APP_ID: "12", PRIVATE_KEY, WEBHOOK_SECRET: "s3cret" };

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-config-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test("defaults", async () => {
  const cwd = directory();
  expect(await readServiceConfig(good, cwd)).toEqual({
    kind: "ok",
    config: {
      app: { id: 12, privateKey: PRIVATE_KEY },
      webhooks: { secret: "s3cret", previous: null },
      forge: { web: "https://github.com", api: "https://api.github.com" },
      host: "localhost",
      port: 3000,
      logLevel: "info",
      queue: { kind: "embedded" },
      data: join(cwd, "sluice-data"),
      operatorFile: null,
      store: null,
      signingKey: null,
      keyless: { wanted: undefined, token: false, tokenFile: undefined, fulcio: undefined, rekor: undefined },
    },
  });
});

test("an enterprise's host, queues, polling, the key by path, escaped or in base64", async () => {
  const cwd = directory();
  writeFileSync(join(cwd, "app.pem"), PRIVATE_KEY);
  const { PRIVATE_KEY: _, ...keyless } = good;
  for (const key of [
    { PRIVATE_KEY_PATH: "app.pem" },
    { PRIVATE_KEY: PRIVATE_KEY.replaceAll("\n", String.raw`\n`) },
    { PRIVATE_KEY: Buffer.from(PRIVATE_KEY).toString("base64") },
  ]) {
    expect(await readServiceConfig({ ...keyless, ...key }, cwd)).toMatchObject({
      kind: "ok",
      config: { app: { privateKey: PRIVATE_KEY } },
    });
  }
  const more = { GHE_HOST: "127.0.0.1:4740", GHE_PROTOCOL: "http", SLUICE_QUEUE_URL: "rediss://h/1" };
  expect(await readServiceConfig({ ...good, ...more, WEBHOOK_SECRET: "", SLUICE_WEBHOOKS: "off" }, cwd)).toMatchObject({
    kind: "ok",
    config: { webhooks: null, forge: { api: "http://127.0.0.1:4740/api/v3" }, queue: { kind: "redis" } },
  });
});

test("the environment wins over what the setup kept", async () => {
  const cwd = directory();
  writeFileSync(join(cwd, "app.pem"), PRIVATE_KEY);
  writeFileSync(
    join(cwd, "app.env"),
    `APP_ID=7\nWEBHOOK_SECRET='kept one'\nPRIVATE_KEY_PATH='${join(cwd, "app.pem")}'\n`,
  );
  expect(await readServiceConfig({ SLUICE_DATA: cwd, APP_ID: "8" }, "/")).toMatchObject({
    kind: "ok",
    config: { app: { id: 8 }, webhooks: { secret: "kept one" } },
  });
});

test.each<[string, Record<string, string>]>([
  ["APP_ID", { APP_ID: "abc" }],
  ["APP_ID", { APP_ID: "" }],
  ["PRIVATE_KEY", { PRIVATE_KEY: "no key" }],
  ["PRIVATE_KEY_PATH", { PRIVATE_KEY: "", PRIVATE_KEY_PATH: "missing.pem" }],
  ["WEBHOOK_SECRET", { WEBHOOK_SECRET: "" }],
  ["WEBHOOK_SECRET", { WEBHOOK_SECRET: "development" }],
  ["WEBHOOK_SECRET_PREVIOUS", { WEBHOOK_SECRET_PREVIOUS: "development" }],
  ["GHE_HOST", { GHE_HOST: "https://x/" }],
  ["GHE_PROTOCOL", { GHE_PROTOCOL: "ftp" }],
  ["PORT", { PORT: "70000" }],
  ["LOG_LEVEL", { LOG_LEVEL: "loud" }],
  ["SLUICE_QUEUE_URL", { SLUICE_QUEUE_URL: "mysql://x" }],
  ["SLUICE_WEBHOOKS", { SLUICE_WEBHOOKS: "no" }],
  ["SLUICE_REKOR_URL", { SLUICE_REKOR_URL: "https://ada:secret@rekor.example.org" }],
  ["SLUICE_FULCIO_URL", { SLUICE_FULCIO_URL: "http://fulcio.example.org" }],
  ["SLUICE_CONFIG", { SLUICE_CONFIG: "missing.yaml" }],
])("a bad %s is named with an example", async (name, change) => {
  const read = await readServiceConfig({ ...good, ...change }, directory());
  const variables = read.kind === "bad" ? read.variables : [];
  expect(variables.map((variable) => variable.name)).toEqual([name]);
  expect(variables[0]?.example).toContain("=");
  // A path is resolved from somewhere: people see where it was looked for.
  const path = change["PRIVATE_KEY_PATH"] ?? change["SLUICE_CONFIG"];
  if (path !== undefined) expect(variables[0]?.expected).toContain(`/${path}`);
});

test("everything missing is said at once", async () => {
  const read = await readServiceConfig({}, directory());
  expect(read.kind === "bad" && read.variables.map(({ name }) => name).sort()).toEqual([
    "APP_ID",
    "PRIVATE_KEY",
    "WEBHOOK_SECRET",
  ]);
});

test("the page on running the service names every variable", () => {
  const root = join(import.meta.dirname, "../..");
  const page = readFileSync(join(root, "docs/service.md"), "utf8");
  const source = readFileSync(join(root, "src/config-service.ts"), "utf8");
  const names = new Set(
    source.match(/\b(APP_ID|PRIVATE_KEY(_PATH)?|WEBHOOK_\w+|GHE_\w+|HOST|PORT|LOG_LEVEL|SLUICE_\w+)\b/g),
  );
  expect(names.size).toBeGreaterThan(12);
  for (const name of names) expect(page).toContain(`\`${name}\``);
});

test.each<[string, Readonly<Record<string, string>>, boolean]>([
  ["a token in a variable", { SIGSTORE_ID_TOKEN: "a.b.c" }, true],
  ["the file of a token", { SLUICE_ID_TOKEN_FILE: "/var/run/token" }, true],
  [
    "a runner that makes tokens",
    { ACTIONS_ID_TOKEN_REQUEST_URL: "http://r", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "t" },
    true,
  ],
  ["half of what a runner says", { ACTIONS_ID_TOKEN_REQUEST_URL: "http://r" }, false],
  ["variables that are empty", { SIGSTORE_ID_TOKEN: "", SLUICE_ID_TOKEN_FILE: "" }, false],
])("%s is a token or is none", (_, env, token) => {
  expect(keylessOf(env).token).toBe(token);
  for (const name of Object.keys(env)) expect(isPrivateVariable(name)).toBe(true);
});

test.each([
  ["https://sigstore.example.org/rekor", undefined],
  ["http://127.0.0.1:3000", undefined],
  ["http://localhost", undefined],
  ["http://[::1]:3000", undefined],
  ["http://127.0.0.1.example.org", "not https"],
  ["http://sigstore.example.org", "not https"],
  ["https://ada:secret@sigstore.example.org", "credentials"],
  ["https://token@sigstore.example.org", "credentials"],
  ["https://sigstore.example.org/?key=secret", "no address"],
  ["sigstore.example.org", "no address"],
  ["file:///etc/passwd", "no address"],
])("a token is shown at %s, or that is refused", (address, why) => {
  const fault = addressFault(address);
  if (why === undefined) expect(fault).toBeUndefined();
  else expect(fault).toContain(why);
});
