import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Environment } from "../pipeline/pipeline.ts";
import type { Failure } from "../run/run-record.ts";

/** A package that is not installed as the lock file pins it; `found` null: not installed at all. */
interface Difference {
  readonly name: string;
  readonly pinned: string;
  readonly found: string | null;
}

/** How many packages a message names. */
const NAMED = 3;
const known = new Map<string, readonly Difference[]>();

/** Refuses an environment whose installed packages are not those that its lock file pins. */
export function checkInstalled(environment: Environment, project: string): Failure | undefined {
  if ((environment.kind !== "venv" && environment.kind !== "node") || environment.lock === null) return undefined;
  const lock = join(project, environment.lock);
  const stat = statSync(lock, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const place = environment.kind === "venv" ? environment.path : join(dirname(environment.lock), "node_modules");
  const stamp = `${lock}\0${place}\0${stat.size}\0${stat.mtimeMs}`;
  let differences = known.get(stamp);
  if (differences === undefined) {
    const text = readFileSync(lock, "utf8");
    differences =
      environment.kind === "venv"
        ? venvDifferences(join(project, environment.path), text)
        : nodeDifferences(join(project, place), text);
    known.set(stamp, differences);
  }
  if (differences.length === 0) return undefined;
  const install = environment.kind === "venv" ? `${environment.path}/bin/pip install -r ${environment.lock}` : `npm ci`;
  return {
    kind: "refused",
    why: `\`${place}\` is not what \`${environment.lock}\` pins: ${sentence(differences)}`,
    next: `\`${install}\`, or change the line in \`${environment.lock}\`, then \`sluice run\` (\`--allow-environment-drift\` runs it as it is)`,
  };
}

function sentence(differences: readonly Difference[]): string {
  const named = differences
    .slice(0, NAMED)
    .map(({ name, pinned, found }) =>
      found === null ? `\`${name}\` ${pinned} is not installed` : `\`${name}\` is ${found} instead of ${pinned}`,
    );
  const rest = differences.length - named.length;
  return `${named.join(", ")}${rest > 0 ? `, and ${rest} more` : ""}`;
}

/** What stands in a virtual environment, by its `*.dist-info` directories, against a lock file. */
function venvDifferences(root: string, lock: string): readonly Difference[] {
  const installed = installedPackages(root);
  const shared = seesSystemPackages(root);
  return pinnedPackages(lock).flatMap(({ name, version, optional }): readonly Difference[] => {
    const found = installed.get(name) ?? null;
    if (found === null) return optional || shared ? [] : [{ name, pinned: version, found }];
    return sameVersion(version, found) ? [] : [{ name, pinned: version, found }];
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
  if (!/^python[\d.]*$/.test(tool)) return installedPackages(root).get(normal(tool)) ?? null;
  const config = join(root, "pyvenv.cfg");
  const text = existsSync(config) ? readFileSync(config, "utf8") : "";
  return /^version(?:_info)?\s*=\s*(\d+(?:\.\d+)+)/im.exec(text)?.[1] ?? null;
}

function installedPackages(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const library = join(root, "lib");
  if (!existsSync(library)) return found;
  for (const python of readdirSync(library)) {
    const packages = join(library, python, "site-packages");
    if (!python.startsWith("python") || !existsSync(packages)) continue;
    for (const entry of readdirSync(packages)) {
      const [, name, version] = /^(.+)-([^-]+)\.dist-info$/.exec(entry) ?? [];
      if (name !== undefined && version !== undefined) found.set(normal(name), version);
    }
  }
  return found;
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

interface NpmLock {
  readonly packages?: Readonly<
    Record<
      string,
      {
        readonly version?: string;
        readonly optional?: boolean;
        readonly dev?: boolean;
        readonly peer?: boolean;
        readonly link?: boolean;
      }
    >
  >;
}

/** npm writes what it installed to `node_modules/.package-lock.json`; other tools' directories say nothing. */
function nodeDifferences(modules: string, lock: string): readonly Difference[] {
  const hidden = join(modules, ".package-lock.json");
  if (!existsSync(hidden)) return [];
  const pinned = npmPackages(lock);
  const installed = npmPackages(readFileSync(hidden, "utf8"));
  if (pinned === undefined || installed === undefined) return [];
  return Object.entries(pinned).flatMap(([path, entry]): readonly Difference[] => {
    if (path === "" || entry.link === true || entry.version === undefined) return [];
    const found = installed[path]?.version ?? null;
    const optional = entry.optional === true || entry.dev === true || entry.peer === true;
    if (found === entry.version || (found === null && optional)) return [];
    return [{ name: path.replace(/^.*node_modules\//, ""), pinned: entry.version, found }];
  });
}

function npmPackages(text: string): NpmLock["packages"] {
  try {
    return (JSON.parse(text) as NpmLock).packages;
  } catch {
    // Not npm's: the lock's digest is in the key all the same.
    return undefined;
  }
}
