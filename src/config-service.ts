import { createPrivateKey } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";

import { z } from "zod";

import { addressFault, keylessOf, type KeylessConfig } from "./config-keyless.ts";
import type { OperatorStore } from "./pipeline/operator.ts";
import { parseAddress } from "./store/address.ts";

/** What `serve` and `worker` are started with (INTERFACES §6). */
export interface ServiceConfig {
  readonly app: { readonly id: number; readonly privateKey: string };
  /** Null: `SLUICE_WEBHOOKS=off`, the forge is polled. `previous` is still taken while a secret is changed. */
  readonly webhooks: { readonly secret: string; readonly previous: string | null } | null;
  readonly forge: Forge;
  readonly host: string;
  readonly port: number;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  readonly queue: { readonly kind: "embedded" } | { readonly kind: "redis" | "postgres"; readonly url: string };
  /** Absolute directory. */
  readonly data: string;
  /** Absolute path of the operator's file. */
  readonly operatorFile: string | null;
  /** Null: below `data`, or where the operator's file says. */
  readonly store: OperatorStore | null;
  readonly signingKey: string | null;
  readonly keyless: KeylessConfig;
}

/** Where GitHub is: pages for people, and the API without a trailing slash. */
interface Forge {
  readonly web: string;
  readonly api: string;
}

/** A variable that stops the start. */
export interface BadVariable {
  readonly name: string;
  readonly expected: string;
  readonly example: string;
}

export type ServiceConfigRead =
  | { readonly kind: "ok"; readonly config: ServiceConfig }
  | { readonly kind: "bad"; readonly variables: readonly BadVariable[] };

/** What `serve --setup` is started with: there is no App yet. */
export type SetupConfig = Pick<ServiceConfig, "forge" | "host" | "port" | "data">;

export type SetupConfigRead =
  | { readonly kind: "ok"; readonly config: SetupConfig }
  | { readonly kind: "bad"; readonly variables: readonly BadVariable[] };

/** What a worker is started with: it never holds the App's key. */
export interface WorkerConfig extends Pick<ServiceConfig, "queue" | "data" | "operatorFile" | "store" | "logLevel"> {
  /** Whether anybody said where `data` is. */
  readonly named: boolean;
}

export type WorkerConfigRead =
  | { readonly kind: "ok"; readonly config: WorkerConfig }
  | { readonly kind: "bad"; readonly variables: readonly BadVariable[] };

/** Written by `serve --setup` in `SLUICE_DATA`; the environment wins over it. */
export const APP_FILE = "app.env";

/** Beside it, and named there without its directory: that may be moved. */
export const APP_KEY = "app.pem";

const HOST = /^[A-Za-z0-9.-]+(:\d{1,5})?$/;
const set = (value: string | undefined): string | undefined =>
  value === undefined || value === "" ? undefined : value;

const sigstore = z
  .string()
  .refine((text) => addressFault(text) === undefined)
  .optional();

const shape = z.object({
  APP_ID: z.string().regex(/^[1-9]\d{0,15}$/),
  PRIVATE_KEY: z.string(),
  WEBHOOK_SECRET: z.string().refine((secret) => secret !== "development"),
  WEBHOOK_SECRET_PREVIOUS: z
    .string()
    .refine((secret) => secret !== "development")
    .optional(),
  GHE_HOST: z.string().regex(HOST).optional(),
  GHE_PROTOCOL: z.enum(["https", "http"]).default("https"),
  HOST: z.string().min(1).default("localhost"),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .refine((port) => port <= 65_535)
    .default(3000),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  SLUICE_QUEUE_URL: z
    .string()
    .regex(/^(embedded:|rediss?:\/\/\S+|postgres(ql)?:\/\/\S+)$/)
    .default("embedded:"),
  SLUICE_STORE_URL: z
    .string()
    .refine((text) => parseAddress(text).kind === "ok")
    .optional(),
  SLUICE_WEBHOOKS: z.enum(["on", "off"]).default("on"),
  SLUICE_KEYLESS: z.enum(["on", "off"]).optional(),
  SLUICE_FULCIO_URL: sigstore,
  SLUICE_REKOR_URL: sigstore,
});

const SIGSTORE = "an https address without credentials";

/** What each variable has to be, and how that looks. */
const WORDS: Readonly<Record<keyof z.infer<typeof shape>, readonly [expected: string, example: string]>> = {
  APP_ID: ["the number of the GitHub App, or run sluice serve --setup", "APP_ID=123456"],
  PRIVATE_KEY: [
    "the App's private key as PEM, or its file in PRIVATE_KEY_PATH",
    "PRIVATE_KEY_PATH=/etc/sluice/app.pem",
  ],
  WEBHOOK_SECRET: [
    "the App's webhook secret, a long random text and not `development`",
    "WEBHOOK_SECRET=$(openssl rand -hex 32)",
  ],
  WEBHOOK_SECRET_PREVIOUS: ["the secret before a rotation, not `development`", "WEBHOOK_SECRET_PREVIOUS=5f2a…"],
  GHE_HOST: ["a host name, with a port where it has one", "GHE_HOST=github.example.com"],
  GHE_PROTOCOL: ["https or http", "GHE_PROTOCOL=https"],
  HOST: ["the address to listen on", "HOST=0.0.0.0"],
  PORT: ["a port from 0 to 65535", "PORT=3000"],
  LOG_LEVEL: ["fatal, error, warn, info, debug, trace or silent", "LOG_LEVEL=info"],
  SLUICE_QUEUE_URL: [
    "embedded:, redis://…, rediss://… or postgres://…",
    "SLUICE_QUEUE_URL=postgres://sluice@db.example.com/sluice",
  ],
  SLUICE_STORE_URL: [
    "a directory, or s3://bucket/prefix with endpoint, region and path_style where they are needed, and no credentials",
    "SLUICE_STORE_URL='s3://sluice/prod?endpoint=https://s3.example.org'",
  ],
  SLUICE_WEBHOOKS: ["on or off (polling only)", "SLUICE_WEBHOOKS=off"],
  SLUICE_KEYLESS: ["on, or off (the key alone signs)", "SLUICE_KEYLESS=off"],
  SLUICE_FULCIO_URL: [SIGSTORE, "SLUICE_FULCIO_URL=https://fulcio.example.org"],
  SLUICE_REKOR_URL: [SIGSTORE, "SLUICE_REKOR_URL=https://rekor.example.org"],
};

/** Reads the service's variables, and those that `serve --setup` kept; everything bad or missing comes back at once. */
export function parseServiceConfig(env: NodeJS.ProcessEnv, cwd: string): ServiceConfigRead {
  const data = dataDirectory(env, cwd);
  const values = { ...kept(data), ...present(env) };
  const webhooks = values["SLUICE_WEBHOOKS"] !== "off";
  const key = privateKey(values, cwd);
  const bad: BadVariable[] = [];
  if (key.kind === "bad") bad.push(key.variable);
  const parsed = shape.safeParse({
    ...values,
    PRIVATE_KEY: key.kind === "ok" ? key.pem : "",
    WEBHOOK_SECRET: webhooks ? values["WEBHOOK_SECRET"] : (values["WEBHOOK_SECRET"] ?? "off"),
  });
  if (!parsed.success) bad.push(...badOf(parsed.error));
  const operatorFile = values["SLUICE_CONFIG"] === undefined ? null : resolve(cwd, values["SLUICE_CONFIG"]);
  if (operatorFile !== null && !existsSync(operatorFile)) {
    bad.push({
      name: "SLUICE_CONFIG",
      expected: `a file that exists, and ${operatorFile} does not`,
      example: "SLUICE_CONFIG=/etc/sluice/sluice.yaml",
    });
  }
  if (!parsed.success || bad.length > 0) return { kind: "bad", variables: bad };
  const good = parsed.data;
  return {
    kind: "ok",
    config: {
      app: { id: Number(good.APP_ID), privateKey: good.PRIVATE_KEY },
      webhooks: webhooks ? { secret: good.WEBHOOK_SECRET, previous: good.WEBHOOK_SECRET_PREVIOUS ?? null } : null,
      forge: forgeAt(good.GHE_HOST, good.GHE_PROTOCOL),
      host: good.HOST,
      port: good.PORT,
      logLevel: good.LOG_LEVEL,
      queue: queueAt(good.SLUICE_QUEUE_URL),
      data,
      operatorFile,
      store: storeAt(good.SLUICE_STORE_URL),
      signingKey: values["SLUICE_SIGNING_KEY"] ?? null,
      keyless: keylessOf(values),
    },
  };
}

/** The few variables that matter before there is an App. */
export function parseSetupConfig(env: NodeJS.ProcessEnv, cwd: string): SetupConfigRead {
  const parsed = shape.pick({ GHE_HOST: true, GHE_PROTOCOL: true, HOST: true, PORT: true }).safeParse(present(env));
  if (!parsed.success) return { kind: "bad", variables: badOf(parsed.error) };
  const { GHE_HOST, GHE_PROTOCOL, HOST: host, PORT: port } = parsed.data;
  return { kind: "ok", config: { forge: forgeAt(GHE_HOST, GHE_PROTOCOL), host, port, data: dataDirectory(env, cwd) } };
}

/** The variables of `sluice worker`. */
export function parseWorkerConfig(env: NodeJS.ProcessEnv, cwd: string): WorkerConfigRead {
  const parsed = shape
    .pick({ LOG_LEVEL: true, SLUICE_QUEUE_URL: true, SLUICE_STORE_URL: true })
    .safeParse(present(env));
  if (!parsed.success) return { kind: "bad", variables: badOf(parsed.error) };
  const { LOG_LEVEL: logLevel, SLUICE_QUEUE_URL, SLUICE_STORE_URL } = parsed.data;
  const queue = queueAt(SLUICE_QUEUE_URL);
  const written = set(env["SLUICE_CONFIG"]);
  const operatorFile = written === undefined ? null : resolve(cwd, written);
  const data = dataDirectory(env, cwd);
  const named = set(env["SLUICE_DATA"]) !== undefined;
  return { kind: "ok", config: { queue, data, named, operatorFile, store: storeAt(SLUICE_STORE_URL), logLevel } };
}

function badOf(error: z.ZodError): readonly BadVariable[] {
  const names = new Set(error.issues.map((issue) => String(issue.path[0])));
  return Object.entries(WORDS)
    .filter(([name]) => names.has(name))
    .map(([name, [expected, example]]) => ({ name, expected, example }));
}

function dataDirectory(env: NodeJS.ProcessEnv, cwd: string): string {
  return resolve(cwd, set(env["SLUICE_DATA"]) ?? "sluice-data");
}

function kept(data: string): Record<string, string> {
  const path = join(data, APP_FILE);
  if (!existsSync(path)) return {};
  const values = present(parseEnv(readFileSync(path, "utf8")));
  const key = values["PRIVATE_KEY_PATH"];
  return key === undefined ? values : { ...values, PRIVATE_KEY_PATH: resolve(data, key) };
}

/** An empty variable is one that is not set. */
function present(env: NodeJS.Dict<string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (set(value) === undefined ? [] : [[name, value ?? ""]])),
  );
}

function privateKey(
  values: Readonly<Record<string, string>>,
  cwd: string,
): { readonly kind: "ok"; readonly pem: string } | { readonly kind: "bad"; readonly variable: BadVariable } {
  const [expected, example] = WORDS.PRIVATE_KEY;
  const path = values["PRIVATE_KEY_PATH"];
  const inline = values["PRIVATE_KEY"];
  const name = inline === undefined && path !== undefined ? "PRIVATE_KEY_PATH" : "PRIVATE_KEY";
  try {
    const text = inline ?? readFileSync(resolve(cwd, path ?? ""), "utf8");
    // Environments without line breaks hold the key with `\n` written out, or in base64: Probot reads both.
    const lines = text.includes("-----BEGIN")
      ? text.replaceAll(String.raw`\n`, "\n")
      : Buffer.from(text, "base64").toString();
    createPrivateKey(lines);
    return { kind: "ok", pem: lines };
  } catch {
    const found = name === "PRIVATE_KEY_PATH" ? `, and ${resolve(cwd, path ?? "")} is none` : "";
    return { kind: "bad", variable: { name, expected: `${expected}${found}`, example } };
  }
}

function forgeAt(host: string | undefined, protocol: string): Forge {
  if (host === undefined) return { web: "https://github.com", api: "https://api.github.com" };
  return { web: `${protocol}://${host}`, api: `${protocol}://${host}/api/v3` };
}

function storeAt(address: string | undefined): OperatorStore | null {
  const read = address === undefined ? undefined : parseAddress(address);
  return read?.kind === "ok" ? read.store : null;
}

function queueAt(url: string): ServiceConfig["queue"] {
  if (url === "embedded:") return { kind: "embedded" };
  return { kind: url.startsWith("redis") ? "redis" : "postgres", url };
}
