import { appendFileSync, readFileSync, statSync, truncateSync } from "node:fs";

import { redact } from "../run/redact.ts";

/** Takes the values of secrets out of a log before anybody reads it. */
export function redactLog(log: string, secrets: Readonly<Record<string, string>>): void {
  const values = Object.values(secrets);
  if (values.length === 0 || statSync(log).size === 0) return;
  const clean = redact(readFileSync(log, "utf8"), values);
  truncateSync(log);
  appendFileSync(log, clean);
}
