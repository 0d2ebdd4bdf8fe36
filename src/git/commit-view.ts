import { digestOf, type BlobId, type CommitSha, type Digest } from "../identity/identity.ts";
import { parseLfsPointer } from "../pipeline/lfs-pointer.ts";
import type { Git, TreeEntry } from "./git.ts";
import type { FileFacts, View } from "./view.ts";

/** The permanent table of git blob → content digest: a committed plan needs to read each blob once, ever. */
export interface BlobDigests {
  readonly get: (id: BlobId) => { readonly digest: Digest; readonly size: number } | undefined;
  readonly set: (id: BlobId, digest: Digest, size: number) => void;
}

/** The repository at one commit. */
export function commitView(git: Git, commit: CommitSha, blobs: BlobDigests): View {
  let entries: Promise<ReadonlyMap<string, TreeEntry>> | undefined;

  async function tree(): Promise<ReadonlyMap<string, TreeEntry>> {
    entries ??= git.tree(commit).then((list) => new Map(list.map((entry) => [entry.path, entry])));
    return entries;
  }

  async function factsOf(entry: TreeEntry): Promise<FileFacts | undefined> {
    const executable = entry.kind === "executable";
    if (entry.kind === "submodule") return undefined;
    const known = entry.kind === "link" ? undefined : blobs.get(entry.blob);
    if (known !== undefined) return { ...known, executable };
    const bytes = await git.blob(entry.blob);
    if (entry.kind === "link") {
      return { digest: digestOf(`link:${new TextDecoder().decode(bytes)}`), size: bytes.byteLength, executable };
    }
    const pointer = bytes.byteLength < 1024 ? parseLfsPointer(bytes) : undefined;
    const facts = pointer ?? { digest: digestOf(bytes), size: bytes.byteLength };
    blobs.set(entry.blob, facts.digest, facts.size);
    return { digest: facts.digest, size: facts.size, executable };
  }

  return {
    kind: "commit",
    commit,
    async files() {
      return [...(await tree()).values()].map(({ path, kind }) => ({ path, kind, tracked: true }));
    },
    async read(path) {
      const entry = (await tree()).get(path);
      return entry === undefined || entry.kind === "submodule" ? undefined : git.blob(entry.blob);
    },
    async facts(paths) {
      const all = await tree();
      const found = new Map<string, FileFacts>();
      for (const path of paths) {
        const entry = all.get(path);
        const facts = entry === undefined ? undefined : await factsOf(entry);
        if (facts !== undefined) found.set(path, facts);
      }
      return found;
    },
    async source(path) {
      const entry = (await tree()).get(path);
      if (entry === undefined || entry.kind === "submodule") return undefined;
      return { kind: "bytes", bytes: await git.blob(entry.blob) };
    },
    async link(path) {
      const entry = (await tree()).get(path);
      if (entry?.kind !== "link") return undefined;
      return new TextDecoder().decode(await git.blob(entry.blob));
    },
  };
}
