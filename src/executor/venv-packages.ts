import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import type { Difference } from "./difference.ts";

/** Between a package's first file and its list of files, where an installer takes its time. */
const WRITTEN_MS = 2_000;

/** What stands in a virtual environment, by its `*.dist-info` directories, against a lock file. */
export function venvDifferences(root: string, lock: string): readonly Difference[] {
  const installed = installedPackages(root);
  const shared = seesSystemPackages(root);
  return pinnedPackages(lock).flatMap(({ name, version, optional }): readonly Difference[] => {
    const found = installed.get(name) ?? null;
    if (found === null) return optional || shared ? [] : [{ name, pinned: version, found }];
    if (!sameVersion(version, found.version)) return [{ name, pinned: version, found: found.version }];
    const changed = changedFile(found);
    return changed === undefined ? [] : [{ name, pinned: version, found: version, changed }];
  });
}

interface Pin {
  readonly name: string;
  readonly version: string;
  /** Only some platforms or extras install it. */
  readonly optional: boolean;
}

/** `name==version` lines of a requirements file, or the packages of a TOML lock (uv, poetry, pdm). */
function pinnedPackages(lock: string): readonly Pin[] {
  if (/^\[\[package\]\]/m.test(lock)) {
    return [...lock.matchAll(/^\[\[package\]\]\s*\nname = "([^"]+)"\s*\nversion = "([^"]+)"/gm)].map(
      ([, name = "", version = ""]) => ({ name: normal(name), version, optional: true }),
    );
  }
  return lock
    .replaceAll(/\\\r?\n/g, " ")
    .split(/\r?\n/)
    .flatMap((line): readonly Pin[] => {
      const match = /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*===?\s*([^\s;#*,]+)(?=[\s;#]|$)(\s*;)?/.exec(line);
      const [, name, version, marker] = match ?? [];
      if (name === undefined || version === undefined) return [];
      return [{ name: normal(name), version, optional: marker !== undefined }];
    });
}

/** Version of the package of a program's name, or of the interpreter, as a virtual environment says. */
export function installedVersion(root: string, tool: string): string | null {
  if (!/^python[\d.]*$/.test(tool)) return installedPackages(root).get(normal(tool))?.version ?? null;
  const config = join(root, "pyvenv.cfg");
  const text = existsSync(config) ? readFileSync(config, "utf8") : "";
  return /^version(?:_info)?\s*=\s*(\d+(?:\.\d+)+)/im.exec(text)?.[1] ?? null;
}

interface Installed {
  readonly version: string;
  /** Where its modules are, and what says which they are. */
  readonly packages: string;
  readonly record: string;
}

function installedPackages(root: string): ReadonlyMap<string, Installed> {
  const found = new Map<string, Installed>();
  const library = join(root, "lib");
  if (!existsSync(library)) return found;
  for (const python of readdirSync(library)) {
    const packages = join(library, python, "site-packages");
    if (!python.startsWith("python") || !existsSync(packages)) continue;
    for (const entry of readdirSync(packages)) {
      const [, name, version] = /^(.+)-([^-]+)\.dist-info$/.exec(entry) ?? [];
      if (name !== undefined && version !== undefined)
        found.set(normal(name), { version, packages, record: join(packages, entry, "RECORD") });
    }
  }
  return found;
}

/**
 * The first file of a package that is not the one that was installed, by the list of digests that every installer leaves
 * (PEP 376). What was not written to since is believed by its size.
 */
function changedFile({ packages, record }: Installed): string | undefined {
  const stat = statSync(record, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  for (const line of readFileSync(record, "utf8").split(/\r?\n/)) {
    const [, quoted, plain, digest, size] = /^(?:"([^"]+)"|([^",]+)),sha256=([\w-]+),(\d*)$/.exec(line) ?? [];
    const path = quoted ?? plain;
    if (path === undefined || digest === undefined) continue;
    const file = join(packages, path);
    const now = statSync(file, { throwIfNoEntry: false });
    if (now === undefined || (size !== "" && now.size !== Number(size))) return path;
    if (now.mtimeMs > stat.mtimeMs + WRITTEN_MS && base64Of(file) !== digest) return path;
  }
  return undefined;
}

function base64Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("base64url");
}

function seesSystemPackages(root: string): boolean {
  const config = join(root, "pyvenv.cfg");
  return existsSync(config) && /^include-system-site-packages\s*=\s*true/im.test(readFileSync(config, "utf8"));
}

/** Names as PEP 503 compares them. */
function normal(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}

/** Versions as PEP 440 compares them, as far as pins need it: `1.0` is `1.0.0`, and `2.1` admits `2.1+cpu`. */
function sameVersion(pinned: string, found: string): boolean {
  const local = pinned.includes("+");
  const plain = (text: string): string =>
    (local ? text : (text.split("+")[0] ?? text))
      .toLowerCase()
      .replace(/^v/, "")
      .replace(/^(\d+(?:\.\d+)*?)(?:\.0)+(?=$|[^.\d])/, "$1");
  return plain(pinned) === plain(found);
}
