import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";

import { lines } from "./git-output.ts";
import type { GitProcess } from "./git-process.ts";

/** Filters exist only where attributes or configuration ask for them; without any nothing is asked of git. */
export async function cleaned(
  git: GitProcess,
  directory: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const none = new Map<string, Uint8Array>();
  if (paths.length === 0 || !(await mayFilter(git, directory))) return none;
  const output = await git.run(
    ["check-attr", "-z", "--stdin", "text", "eol", "filter", "working-tree-encoding", "ident"],
    paths.map((path) => `${path}\0`).join(""),
  );
  const fields = output.toString("utf8").split("\0");
  const filtered = new Set<string>();
  const autocrlf = (await git.attempt(["config", "--get", "core.autocrlf"])).stdout.toString("utf8").trim();
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const value = fields[at + 2];
    if (value !== "unspecified" && value !== "unset") filtered.add(fields[at] ?? "");
  }
  const candidates = (
    autocrlf === "true" || autocrlf === "input" ? paths : paths.filter((path) => filtered.has(path))
  ).filter(
    (path) =>
      !path.includes("\n") && lstatSync(join(git.directory, path), { throwIfNoEntry: false })?.isFile() === true,
  );
  if (candidates.length === 0) return none;
  const raw = lines(
    (
      await git.run(["hash-object", "--no-filters", "--stdin-paths"], candidates.map((path) => `${path}\n`).join(""))
    ).toString("utf8"),
  );
  const clean = lines(
    (await git.run(["hash-object", "-w", "--stdin-paths"], candidates.map((path) => `${path}\n`).join(""))).toString(
      "utf8",
    ),
  );
  for (const [at, path] of candidates.entries()) {
    const id = clean[at];
    if (id !== undefined && id !== raw[at]) none.set(path, await git.run(["cat-file", "blob", id]));
  }
  return none;
}

/** True where attributes or configuration could make git store other bytes than stand on disk. */
export async function mayFilter(git: GitProcess, directory: string): Promise<boolean> {
  if (existsSync(join(directory, "info", "attributes"))) return true;
  const known = filtering.get(git);
  if (known !== undefined) return known;
  const asked = Promise.all([
    git.run(["ls-files", "-z", "-c", "-o", "--exclude-standard", "--", ".gitattributes", "**/.gitattributes"]),
    git.attempt(["config", "--get-regexp", "^core\\.(autocrlf|attributesfile)$"]),
  ]).then(
    ([attributes, configured]) =>
      attributes.length > 0 ||
      /^(core\.autocrlf (true|input)|core\.attributesfile )/m.test(configured.stdout.toString("utf8")),
  );
  filtering.set(git, asked);
  return asked;
}
const filtering = new WeakMap<GitProcess, Promise<boolean>>();
