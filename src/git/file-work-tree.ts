import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";

import type { Digest } from "../identity/identity.ts";
import { addToExclude } from "./exclude-block.ts";
import type { WorkTree } from "./work-tree.ts";

/** The work tree at `root`, whose git directory (common to all its work trees) is `gitDirectory`. */
export function fileWorkTree(root: string, gitDirectory: string): WorkTree {
  const ownedPath = join(root, ".sluice", "owned.txt");
  let owned: Map<string, Digest> | undefined;
  let dirty = false;
  // Not join(), which took an eighth of a command with nothing to do: paths of a repository are in order already.
  const absolute = (path: string): string => `${root}/${path}`;
  const known = (): Map<string, Digest> => (owned ??= readOwned(ownedPath));

  return {
    root,
    absolute,
    stands: (path) => lstatSync(absolute(path), { throwIfNoEntry: false }) !== undefined,
    linkAt(path) {
      const stat = lstatSync(absolute(path), { throwIfNoEntry: false });
      return stat?.isSymbolicLink() === true ? readlinkSync(absolute(path)) : undefined;
    },
    link(path, target) {
      mkdirSync(dirname(absolute(path)), { recursive: true });
      symlinkSync(target, absolute(path));
    },
    filesAt: (path) => filesBelow(root, path),
    owned: (path) => known().get(path),
    own(path, digest) {
      known().set(path, digest);
      dirty = true;
    },
    remove(path) {
      try {
        unlinkSync(absolute(path));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      }
      known().delete(path);
      dirty = true;
    },
    removeEmpty(path) {
      const stat = lstatSync(absolute(path), { throwIfNoEntry: false });
      if (stat?.isDirectory() !== true || filesBelow(root, path).length > 0) return false;
      rmSync(absolute(path), { recursive: true });
      return true;
    },
    moveAside(path, time) {
      const now = posix.join(".sluice", "replaced", time.replaceAll(":", "-"), path);
      mkdirSync(dirname(absolute(now)), { recursive: true });
      renameSync(absolute(path), absolute(now));
      return now;
    },
    exclude: (outputs) => addToExclude(gitDirectory, outputs),
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
