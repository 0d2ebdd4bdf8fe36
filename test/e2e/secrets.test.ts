import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";

import { expect, test } from "vitest";

import { digits } from "./repositories.ts";
import { gitIn, town } from "./town.ts";

const TOKEN = "correct/horse battery+staple";

const OPERATOR = `version: 1
pools: { default: { concurrency: 2 } }
installations: [{ account: acme, sources: ["env:UPSTREAM_TOKEN"] }]
`;

const SETTINGS = `version: 1
secrets:
  TOKEN: { from: "env:UPSTREAM_TOKEN", pipelines: [guarded], steps: [fetch] }
  OWN: { from: "env:SLUICE_SIGNING_KEY" }
`;

const PIPELINE = `version: 1
name: guarded
steps:
  fetch: { run: sh leak.sh, inputs: [leak.sh], secrets: [TOKEN], outputs: [digest] }
`;

/** Says its secret in every way that a log can hold, and keeps only its digest. */
const LEAK = `echo "plain $TOKEN"
printf 'user:%s' "$TOKEN" | base64 -w0
echo " and $(printf %s "$TOKEN" | base64 -w0)"
echo "hex $(printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \\n')"
echo "url $(printf %s "$TOKEN" | sed 's,/,%2F,g; s, ,%20,g; s,+,%2B,g')"
echo "the end is said"
printf %s "$TOKEN" | sha256sum | cut -d' ' -f1 > digest
`;

/** Forms of the secret, as they must stand nowhere. */
const FORMS = [
  TOKEN,
  Buffer.from(TOKEN).toString("base64"),
  Buffer.from(`user:${TOKEN}`).toString("base64").slice(8),
  Buffer.from(TOKEN).toString("hex"),
  encodeURIComponent(TOKEN),
];

test(
  "a granted secret reaches its step and nothing else: neither log, ledger, queue, store, comment nor check",
  {
    timeout: 240_000,
  },
  async () => {
    const place = await town({ operator: OPERATOR, variables: { UPSTREAM_TOKEN: TOKEN, SLUICE_SIGNING_KEY: "own" } });
    const { twin, directory } = place;
    const until: typeof place.until = (what, fact) => place.until(what, fact);
    const { forge } = twin;
    const repository = await digits(forge, {
      "sluice.yaml": SETTINGS,
      "pipelines/sum.yaml": PIPELINE,
      "leak.sh": LEAK,
    });
    const git = (...args: readonly string[]): Promise<string> => gitIn(repository.directory, ...args);
    const ledger = (): Promise<string> => git("log", "--format=%s", "sluice/ledger", "--").catch(() => "");
    await until("the step has run with its secret", async () => /^guarded: succeeded/m.test(await ledger()));

    await forge.commit(repository, {
      branch: "leaky",
      files: { "leak.sh": `${LEAK}touch "$(printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \\n')"\n` },
      message: "Fail and tell",
      login: "alice",
    });
    const pull = await forge.openPull(repository, { branch: "leaky", title: "Fail and tell", login: "alice" });
    const comments = () => repository.comments.get(pull.number) ?? [];
    const sticky = () => comments().find((comment) => comment.app !== null)?.body ?? "";
    await until("the plan is told", () => sticky() !== "");
    forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user("alice"), app: null });
    await until("the failure is told with its log", () => sticky().includes("the end is said"));
    await until("it is recorded", async () => /^guarded: failed/m.test(await ledger()));

    expect(sticky()).toContain("plain ***");
    // A file that is named after it is told without it.
    expect(sticky()).toContain("it wrote `***`");
    const digest = createHash("sha256").update(TOKEN).digest("hex");
    const data = join(directory, "data");
    // What is looked through holds what the step kept: the search can find.
    expect(filesWith(data, digest)).not.toEqual([]);
    const objects = await git("log", "-p", "--all", "--format=%B");
    const said = [objects, JSON.stringify(comments()), JSON.stringify(repository.checks)];
    for (const form of FORMS) {
      expect([form, filesWith(data, form)]).toEqual([form, []]);
      for (const text of said) expect(text.includes(form)).toBe(false);
    }
  },
);

/** Files below a directory that hold a text. */
function filesWith(directory: string, text: string): readonly string[] {
  try {
    return execFileSync("grep", ["-rlaF", "-e", text, directory], { encoding: "utf8" }).trim().split("\n");
  } catch (error) {
    // grep: nothing found.
    if (error instanceof Error && "status" in error && error.status === 1) return [];
    throw error;
  }
}
