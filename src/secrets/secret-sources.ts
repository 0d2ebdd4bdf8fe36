import type { Secrets } from "./secrets.ts";

/** One reader for all sources: the word before the colon names who reads it. */
export function secretSources(backends: Readonly<Record<"env" | "file", Secrets>>): Secrets {
  return {
    read(source) {
      if (source.startsWith("env:")) return backends.env.read(source);
      if (source.startsWith("file:")) return backends.file.read(source);
      return {
        kind: "refused",
        why: "is of no kind that workers read",
        next: "name a source `env:NAME` or `file:/path`",
      };
    },
  };
}
