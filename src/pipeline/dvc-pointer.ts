import { parse } from "yaml";

import { ok, refused, type Result } from "../result/result.ts";

/** The one output that a `.dvc` file points to. */
export interface DvcPointer {
  /** MD5 of the file, or with `.dir` of the directory's listing. */
  readonly md5: string;
  /** Relative to the directory of the pointer file. */
  readonly path: string;
}

export function parseDvcPointer(text: string): Result<DvcPointer, string> {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return refused("it is not YAML");
  }
  const outs = typeof value === "object" && value !== null && "outs" in value ? value.outs : undefined;
  if (!Array.isArray(outs) || outs.length !== 1) return refused("it must have exactly one entry under `outs`");
  const out = outs[0] as { readonly md5?: unknown; readonly path?: unknown };
  if (typeof out.md5 !== "string" || !/^[0-9a-f]{32}(\.dir)?$/.test(out.md5))
    return refused("its `md5` is no MD5 digest");
  if (typeof out.path !== "string" || out.path.startsWith("/") || out.path.split("/").includes(".."))
    return refused("its `path` is not below it");
  return ok({ md5: out.md5, path: out.path });
}
