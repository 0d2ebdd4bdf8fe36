import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import type { Shown } from "./executor.ts";

/** Where a step finds its workspace inside a sandbox. */
export const WORKSPACE = "/sluice/workspace";
export const HOME = "/sluice/home";

/** System directories of a closed root; everything else of the machine stays outside (SEMANTICS §3). */
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const ETC = [
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/alternatives",
  "/etc/ssl",
  "/etc/ca-certificates",
  "/etc/pki",
  "/etc/passwd",
  "/etc/group",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/fonts",
  "/etc/python3",
  "/etc/python3.11",
  "/etc/java-17-openjdk",
  "/etc/perl",
  "/etc/magic",
];
const ETC_NETWORK = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols"];

export interface SandboxSettings {
  readonly network: boolean;
  /** Bound read-only at their own absolute paths: environment, interpreters, launcher. */
  readonly readOnly: readonly string[];
  /** Bound below the workspace: datasets in place, and a checkpoint. */
  readonly shown: readonly Shown[];
}

/** Arguments of bubblewrap up to the command: a closed root with one workspace. */
export function sandboxArguments(workspace: string, logs: string, settings: SandboxSettings): readonly string[] {
  const binds = [...SYSTEM, ...ETC, ...(settings.network ? ETC_NETWORK : [])].flatMap(systemBind);
  return [
    "--unshare-all",
    ...(settings.network ? ["--share-net"] : []),
    "--die-with-parent",
    "--new-session",
    "--clearenv",
    "--hostname",
    "sluice",
    ...(process.getuid?.() === 0 ? ["--cap-drop", "ALL"] : []),
    ...binds,
    "--dev",
    "/dev",
    "--proc",
    "/proc",
    "--tmpfs",
    "/tmp",
    "--tmpfs",
    "/dev/shm",
    "--dir",
    "/var/tmp",
    ...mountable(settings.readOnly).flatMap((path) => ["--ro-bind", path, path]),
    "--bind",
    workspace,
    WORKSPACE,
    "--tmpfs",
    HOME,
    "--bind",
    logs,
    "/sluice/logs",
    ...settings.shown.flatMap(({ source, path, writable }) => [
      writable ? "--bind" : "--ro-bind",
      source,
      `${WORKSPACE}/${path}`,
    ]),
    "--chdir",
    WORKSPACE,
  ];
}

function systemBind(path: string): readonly string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  return stat.isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind-try", path, path];
}

/** Whether bubblewrap works here, tried once by starting it. */
export function tryBubblewrap(): { readonly works: boolean; readonly why: string } {
  const tried = spawnSync(
    "bwrap",
    [
      "--unshare-all",
      "--die-with-parent",
      "--ro-bind",
      "/usr",
      "/usr",
      ...["/lib", "/lib64", "/bin"].flatMap(systemBind),
      "--proc",
      "/proc",
      "--dev",
      "/dev",
      "/usr/bin/true",
    ],
    { encoding: "utf8", timeout: 10_000 },
  );
  if (tried.error !== undefined) return { works: false, why: "bubblewrap is not installed" };
  if (tried.status !== 0)
    return { works: false, why: `bubblewrap does not start here: ${tried.stderr.trim().split("\n")[0] ?? ""}` };
  return { works: true, why: "bubblewrap" };
}

/**
 * What a PATH directory or an interpreter outside the system directories needs to be seen: itself, the targets of the
 * links in it, and the installation prefix of each (`…/versions/3.11.7` for `…/versions/3.11.7/bin/python`).
 */
export function readOnlyFor(path: string): readonly string[] {
  const found = new Set<string>();
  for (const directory of path.split(":")) {
    if (directory === "" || !directory.startsWith("/") || isSystem(directory) || !existsSync(directory)) continue;
    found.add(directory);
    for (const name of readdirSync(directory)) {
      const at = join(directory, name);
      if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
      for (const target of linkTargets(at)) {
        if (!isSystem(target) && !target.startsWith(`${directory}/`)) found.add(prefixOf(target));
      }
    }
    found.add(prefixOf(join(directory, "x")));
  }
  return outermost([...found].filter((one) => existsSync(one) && !isTooWide(one)));
}

function linkTargets(path: string): readonly string[] {
  const targets: string[] = [];
  let at = path;
  for (let hops = 0; hops < 10 && lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true; hops++) {
    at = resolve(dirname(at), readlinkSync(at));
    targets.push(at);
  }
  try {
    targets.push(realpathSync(path));
  } catch {
    // A dangling link shows nothing.
  }
  return targets;
}

/** The directory above `bin`, where an interpreter keeps its library; else the directory of the file. */
function prefixOf(file: string): string {
  const directory = dirname(file);
  return /\/s?bin$/.test(directory) ? dirname(directory) : directory;
}

function isSystem(path: string): boolean {
  return SYSTEM.some((system) => path === system || path.startsWith(`${system}/`));
}

/** A home, `/`, `/opt` and the like are no installation prefix: binding them would open what must stay closed. */
function isTooWide(path: string): boolean {
  const wide = new Set([
    "/",
    "/root",
    "/home",
    "/opt",
    "/mnt",
    "/srv",
    "/var",
    "/etc",
    "/tmp",
    "/work",
    "/data",
    process.env["HOME"] ?? "/root",
  ]);
  return wide.has(path) || path.split("/").length <= 2;
}

function outermost(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)]
    .sort()
    .filter((path, at, all) => !all.slice(0, at).some((above) => path.startsWith(`${above}/`)));
}

/**
 * The mounts that show these paths. What lies below a shown directory is there already; unless a link of that directory
 * stands in the way: then the link is there and leads nowhere, so what it leads to is shown at its own place.
 */
export function mountable(paths: readonly string[]): readonly string[] {
  const mounts: string[] = [];
  for (const path of [...new Set(paths)].sort()) {
    const above = mounts.find((mount) => path.startsWith(`${mount}/`));
    if (above === undefined) {
      mounts.push(path);
      continue;
    }
    const real = realpathSync(path);
    if (real === join(realpathSync(above), path.slice(above.length))) continue;
    if (!mounts.some((mount) => real === mount || real.startsWith(`${mount}/`))) mounts.push(real);
  }
  return mounts.sort();
}
