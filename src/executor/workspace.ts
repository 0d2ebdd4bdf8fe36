import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  type Dirent,
} from "node:fs";
import { dirname, join, relative } from "node:path";

import type { OutputRecord } from "../key/key-document.ts";
import { unwritable } from "../result/unwritable.ts";
import type { AttemptOrder, StagedInput } from "./executor.ts";
import { openUp, removeTree } from "./remove-tree.ts";
import { isShown } from "./shown.ts";

export type Materialize = (
  record: Pick<OutputRecord, "kind" | "digest">,
  target: string,
) => Promise<{ readonly kind: "ok" | "missing" | "corrupt" | "disk-full" }>;

/** What stood in a workspace when the step began: to tell afterwards what it wrote. */
export interface Staged {
  readonly files: ReadonlyMap<string, string>;
}

/** Everything that stood in a workspace after a step, by path. */
export interface Standing {
  readonly files: readonly string[];
  /** Each after what lies above it. */
  readonly directories: readonly string[];
}

/** Where small files of a slot go instead of being deleted, until the executor ends. */
export interface Aside {
  readonly directory: string;
  count: number;
}

/** Files up to this size, and so many of them, are set aside. */
const SMALL = 65_536;
const MOST = 10_000;

/**
 * Empties a slot's workspace for its next step; steps may have taken away rights, so directories are opened first.
 * Directories that the next step needs anyway stay: making and removing them costs more than everything else here.
 * `standing` spares another look where the step before left nothing unexpected. Answers which directories stand.
 */
export function clearWorkspace(
  directory: string,
  order: AttemptOrder,
  { aside, standing }: { readonly aside: Aside; readonly standing: Standing | undefined },
): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const { path } of [...order.inputs, ...order.outputs]) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1))
      kept.add(path.slice(0, slash));
  }
  for (const input of order.inputs)
    if (isShown(input) || (input.kind === "store" && input.entry === "directory")) kept.delete(input.path);
  if (standing !== undefined) {
    try {
      return takeAway(directory, { standing, kept, aside });
    } catch {
      // Something else stands there: it has to be looked at.
    }
  }
  mkdirSync(directory, { recursive: true });
  try {
    emptyDirectory(directory, "", { kept, aside });
  } catch {
    openUp(directory);
    for (const name of readdirSync(directory)) removeTree(join(directory, name));
  }
  return new Set();
}

function takeAway(
  directory: string,
  { standing, kept, aside }: { readonly standing: Standing; readonly kept: ReadonlySet<string>; readonly aside: Aside },
): ReadonlySet<string> {
  for (const path of standing.files) setAside(`${directory}/${path}`, aside);
  const left = new Set<string>();
  for (const path of standing.directories.toReversed()) {
    if (kept.has(path)) left.add(`${directory}/${path}`);
    else rmdirSync(`${directory}/${path}`);
  }
  return left;
}

/**
 * Renamed instead of deleted: where a file system looks for an inode that was not freed lately, each deletion makes
 * every file that is made after it slower. A file that became an output is gone already.
 */
function setAside(path: string, aside: Aside): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.size > SMALL || stat.nlink > 1 || aside.count >= MOST) unlinkSync(path);
  else renameSync(path, `${aside.directory}/${aside.count++}`);
}

/** Plain calls: for a handful of small files they are ten times as fast as a recursive rmSync. */
function emptyDirectory(
  directory: string,
  prefix: string,
  clearing: { readonly kept: ReadonlySet<string>; readonly aside: Aside },
): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const at = `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      const path = `${prefix}${entry.name}`;
      emptyDirectory(at, `${path}/`, clearing);
      if (!clearing.kept.has(path)) rmdirSync(at);
    } else setAside(at, clearing.aside);
  }
}

interface Staging {
  readonly materialize: Materialize;
  readonly sandboxed: boolean;
  /** Directories of the workspace that stand already, absolute. */
  readonly left: ReadonlySet<string>;
}

/** Puts a step's inputs and the parents of its outputs into an empty workspace, as far as they are there and find room. */
export async function stage(
  directory: string,
  order: AttemptOrder,
  options: Staging,
): Promise<Staged | { readonly missing: string; readonly diskFull: boolean }> {
  try {
    return await fill(directory, order, options);
  } catch (error) {
    const refused = unwritable(error);
    if (refused?.kind !== "full") throw error;
    return { missing: relative(directory, refused.path ?? directory) || ".", diskFull: true };
  }
}

async function fill(
  directory: string,
  order: AttemptOrder,
  options: Staging,
): Promise<Staged | { readonly missing: string; readonly diskFull: boolean }> {
  const made = new Set<string>([directory, ...options.left]);
  const parent = (path: string): void => {
    const above = dirname(path);
    if (made.has(above)) return;
    mkdirSync(above, { recursive: true });
    made.add(above);
  };
  for (const input of order.inputs) {
    const target = `${directory}/${input.path}`;
    parent(target);
    const placed = await place(input, target, options);
    if (placed !== "ok") return { missing: input.path, diskFull: placed === "disk-full" };
  }
  for (const output of order.outputs) parent(`${directory}/${output.path}`);
  return { files: snapshot(directory, order) };
}

async function place(
  input: StagedInput,
  target: string,
  { materialize, sandboxed }: { readonly materialize: Materialize; readonly sandboxed: boolean },
): Promise<"ok" | "missing" | "corrupt" | "disk-full"> {
  switch (input.kind) {
    case "store":
      return (await materialize({ kind: input.entry, digest: input.digest }, target)).kind;
    case "file":
      try {
        copyFileSync(input.source, target, constants.COPYFILE_FICLONE);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return "missing";
        if (error instanceof Error && "code" in error && error.code === "ENOSPC") return "disk-full";
        throw error;
      }
      chmodSync(target, input.executable ? 0o755 : 0o644);
      return "ok";
    case "bytes":
      writeFileSync(target, input.bytes, { mode: input.executable ? 0o755 : 0o644 });
      return "ok";
    case "link":
      symlinkSync(input.target, target);
      return "ok";
    case "in-place":
    case "checkpoint":
      // A bind mount needs something to stand on; without a sandbox a link leads to the place, never into the store.
      if (!sandboxed) symlinkSync(input.source, target);
      else if (lstatSync(input.source).isDirectory()) mkdirSync(target);
      else writeFileSync(target, "");
      return "ok";
    default:
      return input satisfies never;
  }
}

/** Stamps of what was staged: only these can be changed without being new. */
function snapshot(directory: string, order: AttemptOrder): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const input of order.inputs) {
    if (isShown(input)) continue;
    const whole = input.kind === "store" && input.entry === "directory";
    for (const path of whole ? filesBelow(directory, input.path) : [input.path])
      files.set(path, stampOf(`${directory}/${path}`) ?? "");
  }
  return files;
}

/** Files that the step wrote outside its declared outputs, and inputs that it changed; and all that stands there. */
export function undeclaredWrites(
  directory: string,
  order: AttemptOrder,
  staged: Staged,
): { readonly undeclared: readonly string[]; readonly standing: Standing } {
  const shown = new Set(order.inputs.filter(isShown).map((input) => input.path));
  const declared = order.outputs.map((output) => output.path);
  const standing: Found = { files: [], directories: [] };
  look(directory, "", { skip: shown, into: standing });
  const found: string[] = [];
  for (const path of standing.files) {
    if (declared.some((output) => path === output || path.startsWith(`${output}/`))) continue;
    const before = staged.files.get(path);
    if (before === undefined || before !== stampOf(`${directory}/${path}`)) found.push(path);
  }
  return { undeclared: found.filter((path) => path !== "node_modules").sort(), standing };
}

/** Undefined: a step took away the rights to look. */
function stampOf(path: string): string | undefined {
  try {
    const stat = lstatSync(path, { bigint: true });
    return `${stat.size}.${stat.mtimeNs}.${stat.ino}`;
  } catch {
    return undefined;
  }
}

function filesBelow(directory: string, prefix: string): readonly string[] {
  const found: Found = { files: [], directories: [] };
  look(directory, prefix, { skip: new Set(), into: found });
  return found.files;
}

interface Found {
  readonly files: string[];
  readonly directories: string[];
}

function look(
  directory: string,
  prefix: string,
  looking: {
    readonly skip: ReadonlySet<string>;
    readonly into: Found;
  },
): void {
  const { skip, into } = looking;
  const entries = entriesOf(prefix === "" ? directory : `${directory}/${prefix}`);
  // Nobody can say what lies in there: it counts as one thing.
  if (entries === undefined) into.files.push(prefix === "" ? "." : prefix);
  for (const entry of entries ?? []) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (skip.has(path)) continue;
    if (!entry.isDirectory()) into.files.push(path);
    else {
      into.directories.push(path);
      look(directory, path, looking);
    }
  }
}

/** What lies in a directory, also where a step took the rights to it away; undefined: it lies too deep to be named. */
function entriesOf(directory: string): readonly Dirent[] | undefined {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    try {
      openUp(directory);
      return readdirSync(directory, { withFileTypes: true });
    } catch {
      return undefined;
    }
  }
}
