import type { Problem } from "../problem/problem.ts";
import { baseOf, globOf } from "./glob.ts";

interface Entry {
  readonly path: string;
  readonly kind: "file" | "executable" | "link" | "submodule";
}

/** What stands in a file's place and is none: a link is one text in a commit and another file in a work tree. */
export function standingAt(files: readonly Entry[], path: string): "link" | "submodule" | "directory" | undefined {
  const below = `${path}/`;
  for (const file of files) {
    if (file.path === path) return file.kind === "link" || file.kind === "submodule" ? file.kind : undefined;
    if (file.path.startsWith(below)) return "directory";
  }
  return undefined;
}

/** Links are not followed: what is read must be the same in a commit and in a work tree. */
export function linkedFile(path: string): Problem {
  return {
    severity: "error",
    code: "linked-file",
    at: { path, line: 1, column: 1 },
    message: "the file is a symbolic link, and links are not followed",
    next: "put a copy of the file that it leads to in its place",
  };
}

/** What is wrong where settings are looked for; undefined for a file, and where nothing stands. */
export function notSettings(files: readonly Entry[], path: string): Problem | undefined {
  const standing = standingAt(files, path);
  if (standing === undefined) return undefined;
  if (standing === "link") return linkedFile(path);
  const message = `a ${standing} stands where the settings are looked for`;
  return notAFile(path, message, `give the ${standing} another path, and write the settings to a file of this name`);
}

/** Submodules where pipeline files are looked for, and what stands in the place of the directory of such files. */
export function notPipelines(files: readonly Entry[], glob: string): readonly Problem[] {
  const matches = globOf(glob);
  const base = baseOf(glob);
  return files.flatMap(({ path, kind }) => {
    if (matches(path)) {
      const next = "give the submodule another path, or let `pipelines` in sluice.yaml leave it out";
      return kind === "submodule"
        ? [notAFile(path, "a submodule stands where a pipeline file is looked for", next)]
        : [];
    }
    if ((kind !== "submodule" && kind !== "link") || (base !== path && !base.startsWith(`${path}/`))) return [];
    const what = kind === "submodule" ? "a submodule" : "a symbolic link";
    const message = `${what} stands where the directory of pipeline files is looked for`;
    return [
      notAFile(
        path,
        message,
        "put a directory with the files in its place, or name another as `pipelines` in sluice.yaml",
      ),
    ];
  });
}

const OTHER: Readonly<Record<string, string>> = { ".yml": ".yaml", ".yaml": ".yml" };

/** Files that would be pipelines if they had the other ending of YAML; `pipelines` may leave them out on purpose. */
export function misnamed(files: readonly Entry[], glob: string): readonly Problem[] {
  const matches = globOf(glob);
  return files.flatMap(({ path, kind }): readonly Problem[] => {
    const ending = /\.ya?ml$/.exec(path)?.[0] ?? "";
    const other = OTHER[ending];
    if (other === undefined || kind === "submodule" || matches(path)) return [];
    const meant = `${path.slice(0, -ending.length)}${other}`;
    if (!matches(meant)) return [];
    return [
      {
        severity: "warning",
        code: "other-ending",
        at: { path, line: 1, column: 1 },
        message: `the file is not taken for a pipeline: \`pipelines: "${glob}"\` does not select it`,
        next: `rename it to ${meant}, or write a glob that takes both to \`pipelines\` in sluice.yaml`,
      },
    ];
  });
}

function notAFile(path: string, message: string, next: string): Problem {
  return { severity: "error", code: "not-a-file", at: { path, line: 1, column: 1 }, message, next };
}
