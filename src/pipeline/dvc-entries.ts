import { lookUp } from "../expression/template.ts";
import type { JsonObject } from "../identity/canonical-json.ts";
import { cleanPath, refuseGlob, refusePath } from "./path-problem.ts";

/** Something of a foreign pipeline that has no place here, and where it stands. */
export interface NotCarried {
  readonly what: string;
  readonly why: string;
  readonly line: number;
}

/** What converting a `dvc.yaml` shares between its parts. */
export interface Importing {
  readonly has: (path: string) => boolean;
  /** Values of params.yaml and `vars`, for `${name}`. */
  readonly values: JsonObject;
  readonly params: JsonObject;
  readonly notCarried: NotCarried[];
  readonly datasets: Map<string, { readonly dvc: string }>;
  readonly paramFiles: Set<string>;
  readonly line: (...path: (string | number)[]) => number;
}

export type Raw = Readonly<Record<string, unknown>>;

/** Entries of a list whose items are paths or `{path: options}`. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function pathOf(entry: unknown): string {
  return typeof entry === "string" ? entry : isMap(entry) ? (Object.keys(entry)[0] ?? "") : "";
}

/** Options of an entry `{path: options}`. */
export function optionsOf(entry: unknown): Raw {
  const options = isMap(entry) ? Object.values(entry)[0] : undefined;
  return isMap(options) ? options : {};
}

/** A path from the root of the repository; one that leaves it keeps its `..`, and is refused. */
function within(folder: string, path: string): string {
  if (path.startsWith("/")) return path;
  const parts: string[] = [];
  for (const part of (folder === "" ? path : `${folder}/${path}`).split("/")) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return cleanPath(parts.join("/"));
}

/** `${name}` in a path becomes its value: paths of a pipeline are plain. */
export function literal(importing: Importing, text: string): string {
  return text.replace(/\$\{([\w.-]+)\}/g, (whole, name: string) => {
    const value = lookUp(importing.values, name);
    return value === undefined || typeof value === "object" ? whole : String(value);
  });
}

/** Paths that can stand in a pipeline; any other is named as not carried. */
function carried(
  importing: Importing,
  stage: string,
  list: { readonly key: string; readonly paths: readonly string[] },
): string[] {
  return list.paths.filter((path) => {
    const why =
      /[*?]/.test(path) || refuseGlob(path) !== undefined
        ? "it reads as a pattern here"
        : /^!|^[\w.*-]+:/.test(path)
          ? "it reads as a reference here"
          : refusePath(path)?.next;
    if (why !== undefined)
      lose(importing, `\`${path}\` in \`${list.key}\` of stage \`${stage}\``, why, "stages", stage, list.key);
    return why === undefined;
  });
}

/** A stage's list by path, each once, without those that cannot stand in a pipeline. */
export function entriesOf(
  importing: Importing,
  stage: string,
  { key, folder, value }: { readonly key: string; readonly folder: string; readonly value: unknown },
): ReadonlyMap<string, unknown> {
  const entries = new Map(
    list(value).map((entry) => [within(folder, literal(importing, pathOf(entry))), entry] as const),
  );
  const kept = new Set(carried(importing, stage, { key, paths: [...entries.keys()] }));
  return new Map([...entries].filter(([path]) => kept.has(path)));
}

/** The folder of a stage; the root where it has none, or one that a shell line cannot hold as it is. */
export function folderOf(importing: Importing, stage: string, wdir: unknown): string {
  const folder = typeof wdir === "string" ? within("", literal(importing, wdir)) : "";
  if (folder === "" || (/^[\w][\w./-]*$/.test(folder) && refusePath(folder) === undefined)) return folder;
  lose(importing, `\`wdir\` of stage \`${stage}\``, "it is no plain folder of the repository", "stages", stage, "wdir");
  return "";
}

/** Names something that is not carried over, at its line. */
export function lose(importing: Importing, what: string, why: string, ...path: (string | number)[]): void {
  importing.notCarried.push({ what, why, line: importing.line(...path) });
}

/** True for a map of YAML. */
export function isMap(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
