import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import type { Git } from "./git.ts";
import { nativeGit } from "./native-git.ts";

export type Opened =
  | { readonly kind: "ok"; readonly git: Git }
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/** Opens the repository that holds `start`: through the git binary where there is one, else through isomorphic-git. */
export async function openGit(start: string, prefer: "native" | "isomorphic" = "native"): Promise<Opened> {
  const found = findRoot(realpathSync(start));
  if (found?.kind === "bare") {
    return {
      kind: "refused",
      why: `${found.directory} is a bare repository or a git directory: there are no files to work with`,
      next: `git clone ${found.directory} somewhere, and go there`,
    };
  }
  if (found === undefined) {
    return {
      kind: "refused",
      why: `${start} is not inside a git repository`,
      next: "git init",
    };
  }
  if (isSha256(found.common)) {
    return {
      kind: "refused",
      why: `${found.root} is a SHA-256 repository, which is not in this version`,
      next: "use a repository with the default object format",
    };
  }
  const program = prefer === "native" ? findGit() : undefined;
  if (program !== undefined) {
    const distrusted = await distrust(found, program);
    if (distrusted !== undefined) return distrusted;
    return { kind: "ok", git: nativeGit({ ...found, program }) };
  }
  if (found.own !== found.common) {
    return {
      kind: "refused",
      why: `${found.root} is a linked work tree, which only the git binary reads`,
      next: "install git, or work in the main work tree",
    };
  }
  const { isomorphicGit } = await import("./isomorphic-git.ts");
  return { kind: "ok", git: isomorphicGit(found.root, found.common) };
}

/** Git refuses a repository of another person; only where the owner differs is it asked, which takes a process. */
async function distrust(found: Found, program: string): Promise<Opened | undefined> {
  const me = process.geteuid?.();
  if (me === undefined || [found.root, found.own].every((path) => statSync(path).uid === me)) return undefined;
  const { gitProcess } = await import("./git-process.ts");
  const { code, stderr } = await gitProcess(found.root, program).attempt(["rev-parse", "--git-dir"]);
  if (code === 0 || !stderr.includes("dubious ownership")) return undefined;
  return {
    kind: "refused",
    why: `${found.root} belongs to another user, and git does not trust it`,
    next: `git config --global --add safe.directory '${found.root}'`,
  };
}

interface Bare {
  readonly kind: "bare";
  readonly directory: string;
}

interface Found {
  readonly kind: "found";
  readonly root: string;
  /** The git directory of this work tree. */
  readonly own: string;
  /** The git directory that all work trees share. */
  readonly common: string;
}

function findRoot(start: string): Found | Bare | undefined {
  for (let at = start; ; at = dirname(at)) {
    const dot = join(at, ".git");
    if (existsSync(dot)) {
      const own = statSync(dot).isDirectory() ? dot : linked(dot);
      if (own !== undefined && existsSync(join(own, "HEAD"))) {
        return { kind: "found", root: at, own, common: commonOf(own) };
      }
    }
    // What git itself takes for a git directory.
    if (["HEAD", "objects", "refs"].every((name) => existsSync(join(at, name)))) return { kind: "bare", directory: at };
    if (dirname(at) === at) return undefined;
  }
}

function linked(file: string): string | undefined {
  const match = /^gitdir: (.+)$/m.exec(readFileSync(file, "utf8"));
  return match?.[1] === undefined ? undefined : resolve(dirname(file), match[1].trim());
}

function commonOf(directory: string): string {
  const pointer = join(directory, "commondir");
  return existsSync(pointer) ? resolve(directory, readFileSync(pointer, "utf8").trim()) : directory;
}

function isSha256(directory: string): boolean {
  try {
    return /objectformat\s*=\s*sha256/i.test(readFileSync(join(directory, "config"), "utf8"));
  } catch {
    return false;
  }
}

/** Absolute path of the git binary: looked for once, not by every process that is started. */
function findGit(): string | undefined {
  for (const directory of (process.env["PATH"] ?? "").split(":")) {
    const path = join(directory, "git");
    if (directory !== "" && isFile(path)) return path;
  }
  return undefined;
}

/** What may not be looked at is not there for us: a PATH often leads through somebody else's home. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
