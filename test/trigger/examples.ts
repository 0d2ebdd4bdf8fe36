import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export interface Example {
  readonly event: string;
  readonly payload: Record<string, unknown>;
}

/** Every payload that GitHub's own documentation of webhooks shows. */
export function examples(): readonly Example[] {
  const path = require.resolve("@octokit/webhooks-examples");
  const events = JSON.parse(readFileSync(path, "utf8")) as readonly {
    readonly name: string;
    readonly examples: readonly Record<string, unknown>[];
  }[];
  return events.flatMap(({ name, examples: all }) => all.map((payload) => ({ event: name, payload })));
}

/** The payload as an App's webhook has it: with the installation it is for. */
export function installed(payload: Record<string, unknown>): Record<string, unknown> {
  return { installation: { id: 7 }, ...payload };
}
