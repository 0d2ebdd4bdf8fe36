import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Git } from "../../git/git.ts";
import { digestOf } from "../../identity/identity.ts";
import { LEDGER_HEADER, LOCAL_LEDGER } from "../../manifest/ledger-paths.ts";
import { whereWritable } from "../../result/unwritable.ts";

/** Whether a clone lacks its first commits. */
export function isShallow(git: Git): boolean {
  return existsSync(join(git.directory, "shallow"));
}

/** The name of a repository without a forge. A shallow clone does not hold the commit that names it; a ledger that came along knows the name. */
export async function localIdentity(git: Git, cache: string): Promise<string> {
  if (!isShallow(git)) return identityByRoot(git, cache);
  const head = await git.resolve(LOCAL_LEDGER);
  const header = head === undefined ? undefined : await git.file(head, LEDGER_HEADER);
  const { parseLedgerHeader } = await import("../../manifest/ledger-header.ts");
  const read = header === undefined ? undefined : parseLedgerHeader(header);
  return read?.kind === "ok" ? read.value.repository : identityByRoot(git, undefined);
}

/** `local:<digest of the root commit>`; the walk to the root is made once for each HEAD. */
async function identityByRoot(git: Git, cache: string | undefined): Promise<string> {
  const { commit } = await git.head();
  const [known, name] = cache !== undefined && existsSync(cache) ? readFileSync(cache, "utf8").split(" ") : [];
  if (commit !== null && known === commit && name !== undefined) return name;
  const root = await git.rootCommit();
  const identity = `local:${root === null ? "none" : digestOf(root).slice("sha256:".length)}`;
  if (commit !== null && cache !== undefined)
    whereWritable(() => {
      mkdirSync(dirname(cache), { recursive: true });
      writeFileSync(`${cache}.${process.pid}`, `${commit} ${identity}`);
      renameSync(`${cache}.${process.pid}`, cache);
    });
  return identity;
}
