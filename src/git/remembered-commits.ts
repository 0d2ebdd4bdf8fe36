import type { BlobId, CommitSha } from "../identity/identity.ts";
import type { Commits, TreeEntry } from "./git.ts";

/** Trees kept: of a base and a head, and of their neighbours. */
const TREES = 6;
/** Bytes of small files kept, and the largest that counts as small. */
const BYTES = 16 << 20;
const SMALL = 256 << 10;

/** Commits as they are read again and again: trees and small blobs are asked for once. Names of objects never change. */
export function rememberedCommits<Repository extends Commits>(git: Repository): Repository & Prefetching {
  const trees = new Map<CommitSha, Promise<readonly TreeEntry[]>>();
  const small = new Map<BlobId, Uint8Array>();
  let held = 0;

  function keep(id: BlobId, bytes: Uint8Array): void {
    if (bytes.byteLength > SMALL || small.has(id)) return;
    // A view of a larger buffer would keep all of that.
    small.set(id, bytes.slice());
    held += bytes.byteLength;
    for (const [oldest, { byteLength }] of small) {
      if (held <= BYTES) break;
      small.delete(oldest);
      held -= byteLength;
    }
  }

  return {
    ...git,
    tree(commit) {
      const known = trees.get(commit);
      if (known !== undefined) return known;
      const asked = git.tree(commit);
      trees.set(commit, asked);
      asked.catch(() => trees.delete(commit));
      for (const oldest of trees.keys()) {
        if (trees.size <= TREES) break;
        trees.delete(oldest);
      }
      return asked;
    },
    async blob(id) {
      const known = small.get(id);
      if (known !== undefined) return known;
      const bytes = await git.blob(id);
      keep(id, bytes);
      return bytes;
    },
    async prefetch(commit, wanted) {
      const entries = (await this.tree(commit)).filter(({ kind, path }) => kind !== "submodule" && wanted(path));
      const missing = new Set(entries.map(({ blob }) => blob).filter((id) => !small.has(id)));
      await git.blobs([...missing], keep);
    },
  };
}

export interface Prefetching {
  /** Reads the small ones of many files at once, because each question by itself is a round trip. */
  prefetch(commit: CommitSha, wanted: (path: string) => boolean): Promise<void>;
}
