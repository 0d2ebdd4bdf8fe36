import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

import { FilterFailure } from "./git.ts";
import { gitProcess, type GitProcess } from "./git-process.ts";
import { readObjects } from "./read-objects.ts";

/** Line endings only make a file shorter; a Git-LFS object has its pointer's digest; the others can do anything. */
type Conversion = "line-endings" | "lfs" | "any";

interface Repository {
  readonly git: GitProcess;
  /** The git directory of this work tree. */
  readonly own: string;
  /** The git directory that all work trees share. */
  readonly common: string;
  /** The index and untracked files, as git lists them. */
  readonly listing: () => Promise<Buffer>;
}

/** What git would store for work-tree files where that is something else than what stands there. */
export interface CleanFilters {
  /** Starts to find out whether this repository converts anything at all. */
  ask(): void;
  cleaned(paths: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
}

export function cleanFilters(repository: Repository): CleanFilters {
  let asked: Promise<Configured> | undefined;
  let attributes: Promise<boolean> | undefined;
  const configured = (): Promise<Configured> => (asked ??= quiet(configuration(repository.git)));
  return {
    ask: () => void configured(),
    async cleaned(paths) {
      if (paths.length === 0) return new Map();
      const { everywhere, attributesFile } = await configured();
      attributes ??= hasAttributes(repository);
      if (!everywhere && !attributesFile && !(await attributes)) return new Map();
      const wanted = await conversions(repository.git, paths, everywhere);
      return wanted.size === 0 ? new Map() : storedOrAsItIs(repository, wanted);
    },
  };
}

/** A promise that nobody may come to await is no surprise when it fails. */
export function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

interface Configured {
  /** Line endings are converted in every text file. */
  readonly everywhere: boolean;
  /** A file of attributes stands where only the configuration says. */
  readonly attributesFile: boolean;
}

async function configuration(git: GitProcess): Promise<Configured> {
  const { stdout } = await git.attempt(["config", "-z", "--get-regexp", "^core\\.(autocrlf|attributesfile)$"]);
  const entries = stdout.toString("utf8").split("\0");
  const crlf = entries.findLast((entry) => /^core\.autocrlf(\n|$)/.test(entry));
  const value = crlf === undefined ? "false" : crlf.slice("core.autocrlf\n".length);
  return {
    // A name without a value is true.
    everywhere: crlf === "core.autocrlf" || !/^(false|no|off|0)?$/i.test(value),
    attributesFile: entries.some((entry) => entry.startsWith("core.attributesfile")),
  };
}

/** Attributes can stand in the tree, beside it, with the person and with the machine. */
async function hasAttributes({ git, common, listing }: Repository): Promise<boolean> {
  const config = git.env["XDG_CONFIG_HOME"] ?? join(git.env["HOME"] ?? homedir(), ".config");
  const places = [join(common, "info", "attributes"), join(config, "git", "attributes"), "/etc/gitattributes"];
  if (places.some((path) => existsSync(path))) return true;
  const list = await listing();
  return ["/", "\t", "? "].some((before) => list.includes(`${before}.gitattributes\0`));
}

/** Files that may be converted, with how. */
async function conversions(
  git: GitProcess,
  paths: readonly string[],
  everywhere: boolean,
): Promise<ReadonlyMap<string, Conversion>> {
  const names = ["text", "crlf", "eol", "filter", "working-tree-encoding", "ident"];
  const output = await git.run(["check-attr", "-z", "--stdin", ...names], paths.map((path) => `${path}\0`).join(""));
  const fields = output.toString("utf8").split("\0");
  const found = new Map<string, Conversion>(everywhere ? paths.map((path) => [path, "line-endings"]) : []);
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = "", name, value] = fields.slice(at, at + 3);
    if (value === "unspecified" || value === "unset") continue;
    const lines = name === "text" || name === "crlf" || name === "eol";
    if (name === "filter" && value === "lfs" && !found.has(path)) found.set(path, "lfs");
    else if (!lines || !found.has(path)) found.set(path, lines ? "line-endings" : "any");
  }
  for (const path of found.keys()) {
    if (lstatSync(join(git.directory, path), { throwIfNoEntry: false })?.isFile() !== true) found.delete(path);
  }
  return found;
}

/**
 * Where git-lfs is not installed its files are taken as they stand: an object's digest is what its pointer says, and a
 * pointer is read as one. Any other required filter that fails is somebody's to mend.
 */
async function storedOrAsItIs(
  repository: Repository,
  wanted: ReadonlyMap<string, Conversion>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  try {
    return await stored(repository, wanted);
  } catch (error) {
    if (!(error instanceof FilterFailure) || error.filter !== "lfs") throw error;
    const rest = new Map([...wanted].filter(([, conversion]) => conversion !== "lfs"));
    if (rest.size === wanted.size) throw error;
    return rest.size === 0 ? new Map() : stored(repository, rest);
  }
}

/**
 * Adds the files to a copy of the index, with new objects beside the repository's: git itself decides (it converts
 * nothing in a file that it holds with CRLF already, and takes unchanged files by their stat), and nothing is
 * written where the person could see it.
 */
async function stored(
  { git, own, common }: Repository,
  wanted: ReadonlyMap<string, Conversion>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const scratch = mkdtempSync(join(tmpdir(), "sluice-clean-"));
  try {
    mkdirSync(join(scratch, "objects"));
    copyIndex(join(own, "index"), join(scratch, "index"));
    const apart = gitProcess(git.directory, git.program, {
      extra: {
        GIT_INDEX_FILE: join(scratch, "index"),
        GIT_OBJECT_DIRECTORY: join(scratch, "objects"),
        GIT_ALTERNATE_OBJECT_DIRECTORIES: listed(join(common, "objects")),
      },
    });
    const settings = ["-c", "core.safecrlf=false", "-c", "core.splitIndex=false", "-c", "core.untrackedCache=false"];
    const added = await apart.attempt(
      [...settings, "update-index", "--add", "-z", "--stdin"],
      [...wanted.keys()].map((path) => `${path}\0`).join(""),
    );
    if (added.code !== 0) throw failureOf(git.directory, added.stderr);
    const ids = idsOf(await apart.run(["ls-files", "-s", "-z"]), wanted);
    return await different(apart, ids, wanted);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function failureOf(directory: string, stderr: string): Error {
  const [, path, filter] = /^fatal: (.+): clean filter '(.+)' failed$/m.exec(stderr) ?? [];
  if (path === undefined || filter === undefined)
    return new Error(`git update-index in ${directory}: ${stderr.trim()}`);
  const first = stderr
    .split("\n")
    .find((line) => line.trim() !== "" && !/^(error: external filter|fatal: )/.test(line))
    ?.replace(/^error: /, "");
  return new FilterFailure(filter, {
    severity: "error",
    code: "git-filter",
    at: { path, line: 1, column: 1 },
    message: `git's filter \`${filter}\` fails on this file${first === undefined ? "" : ` (${first.trim().slice(0, 200)})`}, and .gitattributes requires it`,
    next: `mend it: \`git config --get-regexp '^filter\\.${filter}\\.'\` shows the command, \`git add --dry-run ${path}\` tries it`,
  });
}

/** An index that looks older than it is makes git compare bytes where stat cannot tell; a younger one would not. */
function copyIndex(from: string, to: string): void {
  if (!existsSync(from)) return;
  const { mtimeMs } = statSync(from);
  copyFileSync(from, to);
  const time = Math.floor(mtimeMs / 1_000) - 1;
  utimesSync(to, time, time);
}

/** A path in git's colon-separated list. */
function listed(path: string): string {
  return /[:"]/.test(path) ? `"${path.replace(/["\\]/g, "\\$&")}"` : path;
}

function idsOf(index: Buffer, wanted: ReadonlyMap<string, Conversion>): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const line of index.toString("utf8").split("\0")) {
    const tab = line.indexOf("\t");
    const path = line.slice(tab + 1);
    const [, id, stage] = line.slice(0, tab).split(" ");
    if (tab > 0 && id !== undefined && stage === "0" && wanted.has(path)) ids.set(path, id);
  }
  return ids;
}

/** Bytes that git stores, for files that differ from them. */
async function different(
  git: GitProcess,
  ids: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, Conversion>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const entries = [...ids];
  const checked = (
    await git.run(["cat-file", "--batch-check=%(objectsize)"], entries.map(([, id]) => `${id}\n`).join(""))
  )
    .toString("utf8")
    .split("\n");
  const suspects = entries.flatMap(([path, id], at) => {
    const here = lstatSync(join(git.directory, path), { throwIfNoEntry: false })?.size;
    const same = here === Number(checked[at]);
    return same && wanted.get(path) === "line-endings" ? [] : [{ path, id, same }];
  });
  const found = new Map<string, Uint8Array>();
  await readObjects(
    git,
    suspects.map(({ id }) => id),
    (at, bytes) => {
      const suspect = suspects[at];
      if (suspect === undefined || bytes === undefined) return;
      if (suspect.same && readFileSync(join(git.directory, suspect.path)).equals(bytes)) return;
      found.set(suspect.path, new Uint8Array(bytes));
    },
  );
  return found;
}
