import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

import type { Digest } from "../identity/identity.ts";
import type { WorkTree } from "./work-tree.ts";

const BEGIN = "# >>> sluice: outputs of pipelines (managed, edit outside this block)";
const END = "# <<< sluice";

/** The work tree at `root`, whose git directory (common to all its work trees) is `gitDirectory`. */
export function fileWorkTree(root: string, gitDirectory: string): WorkTree {
  const ownedPath = join(root, ".sluice", "owned.txt");
  let owned: Map<string, Digest> | undefined;
  let dirty = false;
  const absolute = (path: string): string => join(root, path);
  const known = (): Map<string, Digest> => (owned ??= readOwned(ownedPath));

  return {
    root,
    absolute,
    stands: (path) => lstatSync(absolute(path), { throwIfNoEntry: false }) !== undefined,
    filesAt: (path) => filesBelow(root, path),
    owned: (path) => known().get(path),
    own(path, digest) {
      known().set(path, digest);
      dirty = true;
    },
    remove(path) {
      rmSync(absolute(path), { force: true });
      known().delete(path);
      dirty = true;
    },
    moveAside(path, time) {
      const now = posix.join(".sluice", "replaced", time.replaceAll(":", "-"), path);
      mkdirSync(dirname(absolute(now)), { recursive: true });
      renameSync(absolute(path), absolute(now));
      return now;
    },
    exclude: (outputs) => writeExclude(gitDirectory, outputs),
    excluded: () => readExclude(gitDirectory),
    save() {
      if (!dirty) return;
      mkdirSync(dirname(ownedPath), { recursive: true });
      const text = [...known()].map(([path, digest]) => `${digest} ${JSON.stringify(path)}\n`).join("");
      writeFileSync(`${ownedPath}.${process.pid}`, text);
      renameSync(`${ownedPath}.${process.pid}`, ownedPath);
      dirty = false;
    },
  };
}

function readOwned(path: string): Map<string, Digest> {
  const owned = new Map<string, Digest>();
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return owned;
  }
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) owned.set(JSON.parse(line.slice(space + 1)) as string, line.slice(0, space) as Digest);
  }
  return owned;
}

function filesBelow(root: string, path: string): readonly string[] {
  const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(join(root, path)).flatMap((name) => filesBelow(root, posix.join(path, name)));
}

/** Escapes a path for a gitignore pattern that is anchored at the root. */
function pattern(path: string): string {
  return `/${path.replace(/[\\*?[\]!# ]/g, "\\$&")}`;
}

function writeExclude(gitDirectory: string, outputs: readonly string[]): void {
  const path = join(gitDirectory, "info", "exclude");
  const block = [BEGIN, "/.sluice/", ...[...new Set(outputs)].sort().map(pattern), END].join("\n");
  let text = "";
  try {
    text = statSync(path).isFile() ? readFileSync(path, "utf8") : "";
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END, from);
  const next =
    from < 0 || to < 0
      ? `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${block}\n`
      : `${text.slice(0, from)}${block}${text.slice(to + END.length)}`;
  if (next !== text) writeFileSync(path, next);
}

function readExclude(gitDirectory: string): readonly string[] {
  let text = "";
  try {
    text = readFileSync(join(gitDirectory, "info", "exclude"), "utf8");
  } catch {
    return [];
  }
  const block = text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END));
  if (!text.includes(BEGIN)) return [];
  return block
    .split("\n")
    .filter((line) => line.startsWith("/") && line !== "/.sluice/")
    .map((line) => line.slice(1).replace(/\\(.)/g, "$1"));
}
