import { parse } from "yaml";

import { parseDigest, type Digest } from "../identity/identity.ts";
import { ok, refused, type Result } from "../result/result.ts";

/** What `datasets/<name>.yaml` says: the bytes that a dataset is, wherever they come from. */
export interface Pin {
  readonly path: string;
  readonly digest: Digest;
  /** Bytes, of all files of a directory. */
  readonly size: number;
  readonly files: number;
  readonly uri: string | null;
}

export function parsePin(text: string): Result<Pin, string> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    return refused(error instanceof Error ? (error.message.split("\n")[0] ?? "it is not YAML") : "it is not YAML");
  }
  if (typeof value !== "object" || value === null) return refused("it must hold a map");
  const pin = value as Readonly<Record<string, unknown>>;
  if (pin["version"] !== 1) return refused("it must begin with `version: 1`");
  const digest = typeof pin["digest"] === "string" ? parseDigest(pin["digest"]) : undefined;
  if (digest === undefined) return refused("`digest` must be `sha256:` and 64 hex characters");
  if (typeof pin["size"] !== "number") return refused("`size` must be a number of bytes");
  return ok({
    path: typeof pin["path"] === "string" ? pin["path"] : "",
    digest,
    size: pin["size"],
    files: typeof pin["files"] === "number" ? pin["files"] : 1,
    uri: typeof pin["uri"] === "string" ? pin["uri"] : null,
  });
}

export function renderPin(pin: Pin): string {
  const uri = pin.uri === null ? "" : `uri: ${JSON.stringify(pin.uri)}\n`;
  return `version: 1\npath: ${JSON.stringify(pin.path)}\ndigest: ${pin.digest}\nsize: ${pin.size}\nfiles: ${pin.files}\n${uri}`;
}
