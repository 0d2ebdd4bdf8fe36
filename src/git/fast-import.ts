import { spawn } from "node:child_process";

import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import { SETTINGS } from "./git-process.ts";
import type { LedgerCommit } from "./git.ts";
import { ledgerCommit } from "./ledger-commit.ts";

export interface ImportOrder {
  readonly ref: string;
  /** The commit to stand on; null for a root commit. */
  readonly from: CommitSha | null;
  readonly commits: readonly LedgerCommit[];
}

export type Imported =
  | { readonly kind: "imported"; readonly commits: readonly CommitSha[] }
  /** The ref holds something else by now; it was left alone. */
  | { readonly kind: "moved" };

/** Git leaves loose objects to the system; a record is on the disk before it is reported. Packing well is `git gc`'s. */
const DURABLE = [...SETTINGS, "-c", "core.fsync=committed,loose-object", "-c", "pack.compression=1"];

/** Writes commits through one `git fast-import` and answers their ids in order. */
export async function fastImport(
  git: { readonly program: string; readonly directory: string; readonly env: NodeJS.ProcessEnv },
  order: ImportOrder,
): Promise<Imported> {
  const child = spawn(git.program, [...DURABLE, "fast-import", "--quiet", "--done", "--date-format=raw"], {
    cwd: git.directory,
    env: git.env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(stream(order));
  const code = await ended;
  const errors = Buffer.concat(err).toString("utf8").trim();
  if (/not updating|cannot lock ref|Unable to create .*\.lock/i.test(errors)) return { kind: "moved" };
  if (code !== 0) throw new Error(`git fast-import: ${errors}`);
  return {
    kind: "imported",
    commits: Buffer.concat(out)
      .toString("utf8")
      .split("\n")
      .flatMap((line) => parseCommitSha(line.trim()) ?? []),
  };
}

function stream(order: ImportOrder): Buffer {
  const parts: (string | Uint8Array)[] = [];
  order.commits.forEach((commit, at) => {
    const { name, email, message: words } = ledgerCommit(commit);
    const who = `${name} <${email}> ${commit.time} +0000`;
    const message = Buffer.from(words, "utf8");
    parts.push(
      `commit ${order.ref}\nmark :${at + 1}\nauthor ${who}\ncommitter ${who}\ndata ${message.byteLength}\n`,
      message,
      "\n",
    );
    if (at === 0 && order.from !== null) parts.push(`from ${order.from}\n`);
    if (at > 0) parts.push(`from :${at}\n`);
    for (const [path, bytes] of commit.files) {
      parts.push(`M 100644 inline ${quoted(path)}\ndata ${bytes.byteLength}\n`, bytes, "\n");
    }
    parts.push("\n");
  });
  for (let mark = 1; mark <= order.commits.length; mark++) parts.push(`get-mark :${mark}\n`);
  parts.push("done\n");
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : part)));
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `"${path.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
