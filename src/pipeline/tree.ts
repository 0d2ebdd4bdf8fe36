import { byUtf8 } from "../identity/canonical-json.ts";

/** One file of the repository, by path. */
export interface TreeFile {
  readonly path: string;
  readonly kind: "file" | "executable" | "link" | "submodule";
  readonly tracked: boolean;
  /** Where a link leads, as written. */
  readonly target?: string;
}

/** Why a path that is none of the files is none: git was told to ignore what stands there, or it was deleted by hand. */
export type Aside = "ignored" | "deleted";

/** All files of one state of the repository. */
export interface Tree {
  readonly files: readonly TreeFile[];
  get(path: string): TreeFile | undefined;
  /** Files below a directory, at any depth; empty when there is no such directory. */
  below(directory: string): readonly TreeFile[];
  /** Asked of paths at which there are no files. */
  aside(path: string): Aside | undefined;
}

/** A tree over files sorted by path in UTF-8 bytes. */
export function treeOf(files: readonly TreeFile[], aside: Tree["aside"] = () => undefined): Tree {
  let byPath: Map<string, TreeFile> | undefined;
  return {
    files,
    aside,
    get(path) {
      byPath ??= new Map(files.map((file) => [file.path, file]));
      return byPath.get(path);
    },
    below(directory) {
      const prefix = directory === "" ? "" : `${directory}/`;
      const from = firstNotBefore(files, prefix);
      let to = from;
      while (to < files.length && files[to]?.path.startsWith(prefix) === true) to++;
      return files.slice(from, to);
    },
  };
}

/** The submodule that stands at a path or above it: what is in one is no file of this repository. */
export function submoduleAround(tree: Tree, path: string): string | undefined {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/"))))
    if (tree.get(at)?.kind === "submodule") return at;
  return undefined;
}

const collisions = new WeakMap<Tree, ReadonlyMap<string, string>>();

/** Paths that some file systems cannot keep apart, each with another one that it equals there (case, NFC). */
export function collisionsOf(tree: Tree): ReadonlyMap<string, string> {
  const known = collisions.get(tree);
  if (known !== undefined) return known;
  const folded = foldedFiles(tree);
  const found = new Map<string, string>();
  for (const { path } of tree.files) {
    const same = folded.get(foldedPath(path));
    if (same !== undefined && same !== path) found.set(path, same).set(same, path);
  }
  collisions.set(tree, found);
  return found;
}

const foldings = new WeakMap<Tree, ReadonlyMap<string, string>>();

/** The first file of each folded path. */
export function foldedFiles(tree: Tree): ReadonlyMap<string, string> {
  const known = foldings.get(tree);
  if (known !== undefined) return known;
  const folded = new Map<string, string>();
  for (const { path } of tree.files) if (!folded.has(foldedPath(path))) folded.set(foldedPath(path), path);
  foldings.set(tree, folded);
  return folded;
}

const ASCII = /^[ -~]*$/;

/** A path as a file system sees it that folds case and composes characters. */
export function foldedPath(path: string): string {
  // What is ASCII is composed already.
  return (ASCII.test(path) ? path : path.normalize("NFC")).toLowerCase();
}

function firstNotBefore(files: readonly TreeFile[], path: string): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byUtf8(files[middle]?.path ?? "", path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
