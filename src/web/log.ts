import { pino, type DestinationStream, type Logger } from "pino";

import type { ServiceConfig } from "../config-service.ts";

const HIDDEN = "[hidden]";

interface LogOptions {
  /** Default: stderr. */
  readonly to?: DestinationStream;
  /** Names what is done now by what it came from: one name from a delivery to its steps. */
  readonly correlation?: () => string | undefined;
}

/**
 * The service's log, as JSON lines on stderr or `to`. Fields that hold secrets are hidden by name, and the secrets
 * themselves wherever they turn up in a line.
 */
export function createLog(
  config: Pick<ServiceConfig, "logLevel" | "webhooks" | "queue" | "signingKey"> & {
    readonly app: Pick<ServiceConfig["app"], "privateKey">;
  },
  { to = pino.destination(2), correlation = () => undefined }: LogOptions = {},
): Logger {
  const secrets = secretsOf(config);
  const names = ["secret", "token", "password", "privateKey", "authorization"];
  return pino(
    {
      level: config.logLevel,
      base: null,
      mixin: () => ({ correlation: correlation() }),
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: names.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: HIDDEN },
      hooks: { streamWrite: (line) => secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), line) },
    },
    to,
  );
}

/** As they stand inside JSON strings, longest first. */
function secretsOf({ app, webhooks, queue, signingKey }: Parameters<typeof createLog>[0]): readonly string[] {
  const password = queue.kind === "embedded" || !URL.canParse(queue.url) ? "" : new URL(queue.url).password;
  return [
    app.privateKey,
    app.privateKey.trim(),
    webhooks?.secret ?? "",
    webhooks?.previous ?? "",
    password,
    decodeURIComponent(password),
    signingKey ?? "",
  ]
    .filter((secret) => secret.length >= 6)
    .map((secret) => JSON.stringify(secret).slice(1, -1))
    .sort((a, b) => b.length - a.length);
}
