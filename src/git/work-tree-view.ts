import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

import { byUtf8 } from "../identity/canonical-json.ts";
import { digestOf, linkDigest, type Digest } from "../identity/identity.ts";
import { isAttributes, namesLfs, parseLfsPointer } from "../pipeline/lfs-pointer.ts";
import type { Git, TreeEntry } from "./git.ts";
import type { FileFacts, View, ViewFile } from "./view.ts";

/** Hashes a file on disk, or remembers that it did. */
export type HashFile = (
  path: string,
) => { readonly digest: Digest; readonly size: number; readonly executable: boolean } | undefined;

/** The work tree as edited: tracked files that still stand, and untracked ones that are not ignored. */
export function workTreeView(git: Git, hashFile: HashFile): View {
  let listing: Promise<readonly ViewFile[]> | undefined;
  let commit: View["commit"] = null;
  let indexed: readonly TreeEntry[] = [];
  const path = (name: string): string => `${git.root}/${name}`;

  async function list(): Promise<readonly ViewFile[]> {
    const [tracked, untracked] = await Promise.all([git.tracked(), git.untracked()]);
    indexed = tracked;
    const files = [
      ...tracked.flatMap((entry) => present(git.root, entry)),
      ...untracked.flatMap((name) => untrackedFile(git.root, name)),
    ];
    return files.sort((a, b) => byUtf8(a.path, b.path));
  }

  async function facts(paths: readonly string[]): Promise<ReadonlyMap<string, FileFacts>> {
    const cleaned = await git.cleaned(paths);
    const found = new Map<string, FileFacts>();
    for (const name of paths) {
      const clean = cleaned.get(name);
      const fact = clean === undefined ? onDisk(path(name), hashFile) : cleanedFacts(path(name), clean);
      if (fact !== undefined) found.set(name, fact);
    }
    return found;
  }

  return {
    kind: "work-tree",
    get commit() {
      return commit;
    },
    async files() {
      commit = (await git.head()).commit;
      return (listing ??= list());
    },
    async read(name) {
      return readIfThere(path(name));
    },
    facts,
    async source(name) {
      const cleaned = (await git.cleaned([name])).get(name);
      if (cleaned !== undefined && parseLfsPointer(cleaned) === undefined) return { kind: "bytes", bytes: cleaned };
      const stat = lstatSync(path(name), { throwIfNoEntry: false });
      if (stat?.isSymbolicLink() === true) return { kind: "link", target: readlinkSync(path(name)) };
      if (stat === undefined) return undefined;
      return pointerAt(path(name), stat.size) === undefined
        ? { kind: "file", source: path(name) }
        : { kind: "pointer" };
    },
    async pointers(names) {
      const attributes = (await (listing ??= list())).filter((file) => file.kind === "file" && isAttributes(file.path));
      if (!attributes.some((file) => namesLfs(readIfThere(path(file.path)) ?? new Uint8Array()))) return new Set();
      return new Set(names.filter((name) => isPointer(path(name))));
    },
    async link(name) {
      const stat = lstatSync(path(name), { throwIfNoEntry: false });
      return stat?.isSymbolicLink() === true ? readlinkSync(path(name)) : undefined;
    },
    aside(name) {
      if (indexed.some((entry) => entry.path === name || entry.path.startsWith(`${name}/`))) return "deleted";
      return holdsFile(path(name)) ? "ignored" : undefined;
    },
  };
}

function present(root: string, entry: TreeEntry): readonly ViewFile[] {
  if (entry.kind === "submodule") return [{ path: entry.path, kind: "submodule", tracked: true }];
  const stat = lstatSync(`${root}/${entry.path}`, { throwIfNoEntry: false });
  return standing(root, { path: entry.path, tracked: true }, kindOf(stat));
}

/** A file, or a directory with one at any depth; another repository's files are none of this one's. */
function holdsFile(path: string): boolean {
  try {
    const stat = lstatSync(path);
    if (!stat.isDirectory()) return stat.isFile();
    const names = readdirSync(path);
    return !names.includes(".git") && names.some((name) => holdsFile(`${path}/${name}`));
  } catch {
    // The path may come from a log: too long, or of characters that no name has.
    return false;
  }
}

function untrackedFile(root: string, name: string): readonly ViewFile[] {
  return standing(
    root,
    { path: name, tracked: false },
    kindOf(lstatSync(`${root}/${name}`, { throwIfNoEntry: false })),
  );
}

function standing(
  root: string,
  file: Pick<ViewFile, "path" | "tracked">,
  kind: ViewFile["kind"] | undefined,
): readonly ViewFile[] {
  if (kind === undefined) return [];
  return [kind === "link" ? { ...file, kind, target: readlinkSync(`${root}/${file.path}`) } : { ...file, kind }];
}

function kindOf(stat: ReturnType<typeof lstatSync>): ViewFile["kind"] | undefined {
  if (stat === undefined) return undefined;
  if (stat.isSymbolicLink()) return "link";
  if (!stat.isFile()) return undefined;
  return (Number(stat.mode) & 0o100) === 0 ? "file" : "executable";
}

function onDisk(path: string, hashFile: HashFile): FileFacts | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.isSymbolicLink()) {
    const target = readlinkSync(path);
    return { digest: linkDigest(target), size: Buffer.byteLength(target), executable: false, link: target };
  }
  if (!stat.isFile()) return undefined;
  const pointer = pointerAt(path, stat.size);
  if (pointer !== undefined) return { ...pointer, executable: isExecutable(stat.mode) };
  return hashFile(path);
}

/** A pointer that was never smudged is as small as a pointer: only such files are opened a second time. */
function pointerAt(path: string, size: number): ReturnType<typeof parseLfsPointer> {
  return size < 1024 ? parseLfsPointer(readFileSync(path)) : undefined;
}

function isPointer(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && pointerAt(path, stat.size) !== undefined;
}

function cleanedFacts(path: string, bytes: Uint8Array): FileFacts {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const executable = stat !== undefined && isExecutable(stat.mode);
  const pointer = parseLfsPointer(bytes);
  if (pointer !== undefined) return { digest: pointer.digest, size: pointer.size, executable };
  return { digest: digestOf(bytes), size: bytes.byteLength, executable };
}

function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0;
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EISDIR")) {
      return undefined;
    }
    throw error;
  }
}
