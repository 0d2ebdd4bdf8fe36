import type { Tree } from "./tree.ts";

/** Where a path of the repository leads once every symbolic link on its way has been followed. */
export type Followed =
  | {
      readonly kind: "inside";
      /** Without a link on its way; whether anything stands there is not said. */
      readonly path: string;
      /** Links that were followed, in order. */
      readonly links: readonly string[];
    }
  | { readonly kind: "outside" | "endless"; readonly link: string; readonly target: string };

/** As far as systems follow links. */
const MOST = 40;
const none: ReadonlyMap<string, string> = new Map();
const known = new WeakMap<Tree, ReadonlyMap<string, string>>();

/** Every symbolic link of a tree, with where it leads as written. */
export function linksOf(tree: Tree): ReadonlyMap<string, string> {
  const before = known.get(tree);
  if (before !== undefined) return before;
  const links = tree.files.flatMap(({ path, target }): [string, string][] =>
    target === undefined ? [] : [[path, target]],
  );
  const found = links.length === 0 ? none : new Map(links);
  known.set(tree, found);
  return found;
}

/** Follows links as a file system would, without leaving the repository. */
export function follow(tree: Tree, path: string): Followed {
  const all = linksOf(tree);
  const links: string[] = [];
  let at = path;
  for (let turn = 0; turn <= MOST; turn++) {
    const link = firstLink(all, at);
    if (link === undefined) return { kind: "inside", path: at, links };
    const target = all.get(link) ?? "";
    const next = target.startsWith("/") ? undefined : normal(`${link}/../${target}${at.slice(link.length)}`);
    if (next === undefined) return { kind: "outside", link, target };
    links.push(link);
    at = next;
  }
  return { kind: "endless", link: path, target: all.get(path) ?? "" };
}

/** Without `.` and `..`; undefined when it leaves the repository. */
function normal(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

function firstLink(links: ReadonlyMap<string, string>, path: string): string | undefined {
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1))
    if (links.has(path.slice(0, slash))) return path.slice(0, slash);
  return links.has(path) ? path : undefined;
}
