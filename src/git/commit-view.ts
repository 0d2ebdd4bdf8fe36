import { digestOf, linkDigest, type BlobId, type CommitSha, type Digest } from "../identity/identity.ts";
import { isAttributes, LARGEST_POINTER, namesLfs, parseLfsPointer } from "../pipeline/lfs-pointer.ts";
import type { Commits, TreeEntry } from "./git.ts";
import type { FileFacts, View, ViewFile } from "./view.ts";

/** The permanent table of git blob → content digest: a committed plan needs to read each blob once, ever. */
export interface BlobDigests {
  readonly get: (id: BlobId) => { readonly digest: Digest; readonly size: number } | undefined;
  readonly set: (id: BlobId, digest: Digest, size: number) => void;
}

/** The repository at one commit. */
export function commitView(git: Commits, commit: CommitSha, blobs: BlobDigests): View {
  let entries: Promise<ReadonlyMap<string, TreeEntry>> | undefined;

  async function tree(): Promise<ReadonlyMap<string, TreeEntry>> {
    entries ??= git.tree(commit).then((list) => new Map(list.map((entry) => [entry.path, entry])));
    return entries;
  }

  async function facts(paths: readonly string[]): Promise<ReadonlyMap<string, FileFacts>> {
    const all = await tree();
    const wanted = paths.flatMap((path) => {
      const entry = all.get(path);
      return entry === undefined || entry.kind === "submodule" ? [] : [entry];
    });
    const read = new Map<BlobId, Read>();
    const missing = wanted.filter((entry) => entry.kind === "link" || blobs.get(entry.blob) === undefined);
    await git.blobs([...new Set(missing.map((entry) => entry.blob))], (id, bytes) => read.set(id, readOf(bytes)));
    const found = new Map<string, FileFacts>();
    for (const entry of wanted) {
      const known =
        entry.kind === "link" ? read.get(entry.blob)?.link : (blobs.get(entry.blob) ?? read.get(entry.blob)?.file);
      if (known === undefined) continue;
      if (entry.kind !== "link") blobs.set(entry.blob, known.digest, known.size);
      const { digest, size } = known;
      const link = entry.kind === "link" ? read.get(entry.blob)?.link.target : undefined;
      const fact = { digest, size, executable: entry.kind === "executable" };
      found.set(entry.path, link === undefined ? fact : { ...fact, link });
    }
    return found;
  }

  return {
    kind: "commit",
    commit,
    async files() {
      const all = [...(await tree()).values()];
      const targets = new Map<BlobId, string>();
      const links = all.filter((entry) => entry.kind === "link").map((entry) => entry.blob);
      if (links.length > 0)
        await git.blobs([...new Set(links)], (id, bytes) => targets.set(id, new TextDecoder().decode(bytes)));
      return all.map(({ path, kind, blob }): ViewFile => {
        const target = kind === "link" ? targets.get(blob) : undefined;
        return target === undefined ? { path, kind, tracked: true } : { path, kind, tracked: true, target };
      });
    },
    async read(path) {
      const entry = (await tree()).get(path);
      return entry === undefined || entry.kind === "submodule" ? undefined : git.blob(entry.blob);
    },
    facts,
    async source(path) {
      const entry = (await tree()).get(path);
      if (entry === undefined || entry.kind === "submodule") return undefined;
      const bytes = await git.blob(entry.blob);
      if (entry.kind === "link") return { kind: "link", target: new TextDecoder().decode(bytes) };
      return parseLfsPointer(bytes) === undefined ? { kind: "bytes", bytes } : { kind: "pointer" };
    },
    async pointers(paths) {
      const attributes = [...(await tree()).values()].filter(
        ({ kind, path }) => kind !== "submodule" && isAttributes(path),
      );
      const texts = await Promise.all(attributes.map((entry) => git.blob(entry.blob)));
      if (!texts.some(namesLfs)) return new Set();
      const small = await git.files(commit, paths, LARGEST_POINTER);
      return new Set([...small].flatMap(([path, bytes]) => (parseLfsPointer(bytes) === undefined ? [] : [path])));
    },
    async link(path) {
      const entry = (await tree()).get(path);
      if (entry?.kind !== "link") return undefined;
      return new TextDecoder().decode(await git.blob(entry.blob));
    },
  };
}

/** What a blob is worth as a file, and as the target of a link: the bytes alone do not tell which it is. */
interface Read {
  readonly file: { readonly digest: Digest; readonly size: number };
  readonly link: { readonly digest: Digest; readonly size: number; readonly target: string };
}

function readOf(bytes: Uint8Array): Read {
  const size = bytes.byteLength;
  const pointer = size < 1024 ? parseLfsPointer(bytes) : undefined;
  // A link's target is short: longer bytes are not decoded for nothing.
  const target = size <= 4096 ? new TextDecoder().decode(bytes) : "";
  return { file: pointer ?? { digest: digestOf(bytes), size }, link: { digest: linkDigest(target), size, target } };
}
