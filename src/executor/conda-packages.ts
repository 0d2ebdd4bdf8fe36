import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { explicitPackages } from "../pipeline/explicit-packages.ts";
import type { Difference } from "./difference.ts";

interface CondaMeta {
  readonly name?: string;
  readonly md5?: string;
  readonly sha256?: string;
}

/** What conda says that it installed, against an explicit lock; of another kind of lock nothing can be told. */
export function condaDifferences(root: string, lock: string): readonly Difference[] {
  const pinned = explicitPackages(lock);
  if ("line" in pinned) return [];
  const meta = join(root, "conda-meta");
  const installed = new Map(
    readdirSync(meta)
      .filter((name) => name.endsWith(".json"))
      .map((name) => [name.slice(0, -".json".length), join(meta, name)]),
  );
  return pinned.packages.flatMap((address): readonly Difference[] => {
    const [url = "", digest = ""] = address.split("#");
    const full = url.slice(url.lastIndexOf("/") + 1).replace(/\.(?:conda|tar\.bz2)$/, "");
    const path = installed.get(full);
    const [, name = full, version = ""] = /^(.+)-([^-]+-[^-]+)$/.exec(full) ?? [];
    if (path === undefined) {
      const other = [...installed.keys()].find((one) => /^(.+)-[^-]+-[^-]+$/.exec(one)?.[1] === name);
      return [{ name, pinned: version, found: other === undefined ? null : other.slice(name.length + 1) }];
    }
    const { md5, sha256 } = JSON.parse(readFileSync(path, "utf8")) as CondaMeta;
    const known = digest.startsWith("sha256:") ? sha256 && `sha256:${sha256}` : md5;
    return known === undefined || known === digest ? [] : [{ name, pinned: digest, found: known }];
  });
}
