import type { CommitSha } from "../identity/identity.ts";
import { readLoose } from "./loose-objects.ts";
import { entriesOf, treeOfCommit } from "./tree-objects.ts";

/** A file of a commit where all objects on the way to it are loose; undefined where git itself has to be asked. */
export function readLooseFile(
  objects: string,
  commit: CommitSha,
  path: string,
): { readonly bytes: Uint8Array | undefined } | undefined {
  const at = readLoose(objects, commit, "commit");
  let id = at === undefined ? undefined : treeOfCommit(at);
  const parts = Buffer.from(path, "utf8").toString("latin1").split("/");
  for (const [nth, part] of parts.entries()) {
    const tree = id === undefined ? undefined : readLoose(objects, id, "tree");
    if (tree === undefined) return undefined;
    const item = entriesOf(tree).get(part);
    if (item === undefined) return { bytes: undefined };
    if (nth === parts.length - 1 && !/^100(644|755|664)$/.test(item.mode)) return undefined;
    id = item.id;
  }
  const bytes = id === undefined ? undefined : readLoose(objects, id, "blob");
  return bytes === undefined ? undefined : { bytes: new Uint8Array(bytes) };
}
