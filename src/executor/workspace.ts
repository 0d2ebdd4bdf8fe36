import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import type { OutputRecord } from "../key/key-document.ts";
import type { AttemptOrder, StagedInput } from "./executor.ts";

export type Materialize = (
  record: Pick<OutputRecord, "kind" | "digest">,
  target: string,
) => Promise<{ readonly kind: "ok" | "missing" | "corrupt" | "disk-full" }>;

/** What stood in a workspace when the step began: to tell afterwards what it wrote. */
export interface Staged {
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Empties a slot's workspace for its next step; steps may have taken away rights, so directories are opened first.
 * Directories that the next step needs anyway stay: making and removing them costs more than everything else here.
 */
export function clearWorkspace(directory: string, order: AttemptOrder): void {
  mkdirSync(directory, { recursive: true });
  const kept = new Set<string>();
  for (const { path } of [...order.inputs, ...order.outputs]) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1))
      kept.add(path.slice(0, slash));
  }
  for (const input of order.inputs)
    if (input.kind === "in-place" || (input.kind === "store" && input.entry === "directory")) kept.delete(input.path);
  try {
    emptyDirectory(directory, "", kept);
  } catch {
    openUp(directory);
    for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

/** Plain calls: for a handful of small files they are ten times as fast as a recursive rmSync. */
function emptyDirectory(directory: string, prefix: string, kept: ReadonlySet<string>): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const at = `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      const path = `${prefix}${entry.name}`;
      emptyDirectory(at, `${path}/`, kept);
      if (!kept.has(path)) rmdirSync(at);
    } else unlinkSync(at);
  }
}

function openUp(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return;
  chmodSync(path, 0o700);
  for (const name of readdirSync(path)) openUp(join(path, name));
}

/** Puts a step's inputs and the parents of its outputs into an empty workspace; undefined: something is missing. */
export async function stage(
  directory: string,
  order: AttemptOrder,
  options: { readonly materialize: Materialize; readonly sandboxed: boolean },
): Promise<Staged | { readonly missing: string; readonly diskFull: boolean }> {
  const made = new Set<string>([directory]);
  const parent = (path: string): void => {
    const above = dirname(path);
    if (made.has(above)) return;
    mkdirSync(above, { recursive: true });
    made.add(above);
  };
  for (const input of order.inputs) {
    const target = join(directory, input.path);
    parent(target);
    const placed = await place(input, target, options);
    if (placed !== "ok") return { missing: input.path, diskFull: placed === "disk-full" };
  }
  for (const output of order.outputs) parent(join(directory, output.path));
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
    if (input.kind === "in-place") continue;
    const whole = input.kind === "store" && input.entry === "directory";
    for (const path of whole ? filesBelow(directory, input.path, new Set()) : [input.path])
      files.set(path, stampOf(join(directory, path)));
  }
  return files;
}

/** Files that the step wrote outside its declared outputs, and inputs that it changed. */
export function undeclaredWrites(directory: string, order: AttemptOrder, staged: Staged): readonly string[] {
  const inPlace = new Set(order.inputs.flatMap((input) => (input.kind === "in-place" ? [input.path] : [])));
  const declared = order.outputs.map((output) => output.path);
  const found: string[] = [];
  for (const path of filesBelow(directory, "", inPlace)) {
    if (declared.some((output) => path === output || path.startsWith(`${output}/`))) continue;
    const before = staged.files.get(path);
    if (before === undefined || before !== stampOf(join(directory, path))) found.push(path);
  }
  return found.filter((path) => path !== "node_modules").sort();
}

function stampOf(path: string): string {
  const stat = lstatSync(path, { bigint: true });
  return `${stat.size}.${stat.mtimeNs}.${stat.ino}`;
}

function filesBelow(directory: string, prefix: string, skip: ReadonlySet<string>): readonly string[] {
  return readdirSync(prefix === "" ? directory : join(directory, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (skip.has(path)) return [];
    return entry.isDirectory() ? filesBelow(directory, path, skip) : [path];
  });
}
