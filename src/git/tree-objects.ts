/** An entry of a tree object; its mode is octal text. */
export interface TreeItem {
  readonly mode: string;
  readonly id: string;
}

/** The tree of a commit object. */
export function treeOfCommit(commit: Uint8Array): string {
  const id = /^tree ([0-9a-f]{40})\n/.exec(Buffer.from(commit).toString("latin1"))?.[1];
  if (id === undefined) throw new Error("reading a commit: it names no tree");
  return id;
}

/** Entries of a tree object by name, one character a byte. */
export function entriesOf(tree: Uint8Array): Map<string, TreeItem> {
  const buffer = Buffer.from(tree.buffer, tree.byteOffset, tree.byteLength);
  const entries = new Map<string, TreeItem>();
  for (let at = 0; at < buffer.length;) {
    const space = buffer.indexOf(32, at);
    const end = buffer.indexOf(0, space);
    const id = buffer.toString("hex", end + 1, end + 21);
    entries.set(buffer.toString("latin1", space + 1, end), { mode: buffer.toString("latin1", at, space), id });
    at = end + 21;
  }
  return entries;
}
