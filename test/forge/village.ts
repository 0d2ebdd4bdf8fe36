import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import type { Answer, Check, Forge, Forges } from "../../src/forge/forge.ts";
import { octokitForges } from "../../src/forge/octokit-forges.ts";
import { parseCommitSha, type CommitSha } from "../../src/identity/identity.ts";
import { checkedTwin, type CheckedTwin } from "../github/checked-twin.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";

/** A local forge with one repository, one open pull request, and our App installed in it. */
export interface Village {
  readonly twin: CheckedTwin;
  readonly forges: Forges;
  readonly forge: Forge;
  readonly repository: TwinRepository;
  readonly pull: TwinPullRequest;
  readonly head: CommitSha;
}

export async function village(now = () => Date.now()): Promise<Village> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-village-"));
  const twin = await checkedTwin({ directory });
  onTestFinished(async () => {
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  const repository = await twin.forge.repository({
    owner: "acme",
    name: "digits",
    files: { "README.md": "x\n" },
    roles: { alice: "write", mallory: "read", max: "maintain" },
  });
  await twin.forge.commit(repository, { branch: "more", files: { a: "1\n" }, message: "More", login: "alice" });
  const pull = await twin.forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  const { id: appId, privateKey } = twin.app;
  const forges = octokitForges({ appId, privateKey, apiUrl: twin.apiUrl, now });
  const forge = forges.open({ installation: repository.installation, id: repository.id, fullName: "acme/digits" });
  return { twin, forges, forge, repository, pull, head: sha(pull.head) };
}

export function sha(text: string): CommitSha {
  const found = parseCommitSha(text);
  if (found === undefined) throw new Error(`${text} is no commit id`);
  return found;
}

/** The value of an answer that must have been given. */
export function given<Value>(answer: Answer<Value>): Value {
  if (answer.kind !== "ok") throw new Error(JSON.stringify(answer));
  return answer.value;
}

export function checkOf(head: CommitSha, annotations: number, changes: Partial<Check> = {}): Check {
  return {
    head,
    name: "sluice / plan",
    status: "completed",
    conclusion: "success",
    title: "1 step runs",
    summary: "It runs.",
    text: "",
    annotations: Array.from({ length: annotations }, (_, at) => ({
      path: "a",
      startLine: at + 1,
      endLine: at + 1,
      startColumn: 1,
      endColumn: 2,
      level: "warning",
      title: `note ${at}`,
      message: "look here",
    })),
    actions: [{ label: "Plan again", description: "Reads it once more", identifier: "plan" }],
    externalId: "one",
    ...changes,
  };
}
