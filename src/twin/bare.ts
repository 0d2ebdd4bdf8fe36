import { execFile } from "node:child_process";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ENV = {
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "twin",
  GIT_AUTHOR_EMAIL: "noreply@twin.example",
  GIT_COMMITTER_NAME: "twin",
  GIT_COMMITTER_EMAIL: "noreply@twin.example",
};

/** Git in a bare repository; a refusal is an exception with git's words. */
export function git(directory: string, args: readonly string[], input?: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      "git",
      ["-C", directory, ...args],
      { env: ENV, maxBuffer: 1 << 28, encoding: "utf8" },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`git ${args[0] ?? ""}: ${stderr.trim() || error.message}`, { cause: stdout }));
      },
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

export async function createBare(directory: string, branch: string): Promise<void> {
  await git(tmpdir(), ["init", "--quiet", "--bare", `--initial-branch=${branch}`, directory]);
  await appendFile(join(directory, "config"), CONFIG);
}

const CONFIG = `[http]
	receivepack = true
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[gc]
	auto = 0
`;

/** Every ref of a repository. */
export async function refsOf(directory: string): Promise<Map<string, string>> {
  const output = await git(directory, ["for-each-ref", "--format=%(objectname) %(refname)"]);
  return new Map(
    output
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => [line.slice(41), line.slice(0, 40)]),
  );
}

/** A commit with these files on top of what a branch holds; for seeding and for edits made "in the browser". */
export async function commitFiles(
  directory: string,
  order: {
    readonly parent: string | null;
    /** Null takes a file away. */
    readonly files: Readonly<Record<string, string | Uint8Array | null>>;
    readonly message: string;
    readonly author: string;
  },
): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), "twin-index-"));
  const env = { GIT_INDEX_FILE: join(scratch, "index") };
  const withIndex = (args: readonly string[], input?: string): Promise<string> => indexed(directory, env, args, input);
  try {
    if (order.parent !== null) await withIndex(["read-tree", order.parent]);
    const lines: string[] = [];
    for (const [path, content] of Object.entries(order.files)) {
      if (content === null) {
        lines.push(`0 ${"0".repeat(40)}\t${path}`);
        continue;
      }
      const blob = (await git(directory, ["hash-object", "-w", "--stdin"], content)).trim();
      lines.push(`100644 ${blob}\t${path}`);
    }
    await withIndex(["update-index", "-z", "--index-info"], lines.map((line) => `${line}\0`).join(""));
    const tree = (await withIndex(["write-tree"])).trim();
    const parents = order.parent === null ? [] : ["-p", order.parent];
    return (await committed(directory, order.author, [tree, ...parents, "-m", order.message])).trim();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What merging a head into a base gives: a new commit, or null where it conflicts. */
export async function mergeCommit(
  directory: string,
  order: {
    readonly base: string;
    readonly head: string;
    readonly method: "merge" | "squash" | "rebase";
    readonly message: string;
    readonly author: string;
  },
): Promise<string | null> {
  let tree: string;
  try {
    tree = (await git(directory, ["merge-tree", "--write-tree", order.base, order.head])).split("\n")[0] ?? "";
  } catch {
    return null;
  }
  const second = order.method === "merge" ? ["-p", order.head] : [];
  return (await committed(directory, order.author, [tree, "-p", order.base, ...second, "-m", order.message])).trim();
}

/** A login's address; brackets of a bot's have no place in one. */
export function emailOf(login: string): string {
  return `${login.replaceAll(/[^\w.-]/g, "-")}@users.noreply.twin.example`;
}

function committed(directory: string, author: string, args: readonly string[]): Promise<string> {
  const who = { GIT_AUTHOR_NAME: author, GIT_AUTHOR_EMAIL: emailOf(author) };
  return indexed(directory, who, ["commit-tree", ...args]);
}

function indexed(
  directory: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  input?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      "git",
      ["-C", directory, ...args],
      { env: { ...ENV, ...env }, maxBuffer: 1 << 28, encoding: "utf8" },
      (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr.trim() || error.message))),
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
