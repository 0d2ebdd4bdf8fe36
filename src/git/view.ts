import type { CommitSha, Digest } from "../identity/identity.ts";

/** A file as the language sees it; sorted by path in UTF-8 bytes in every list. */
export interface ViewFile {
  readonly path: string;
  readonly kind: "file" | "executable" | "link" | "submodule";
  readonly tracked: boolean;
  /** Where a link leads, as written. */
  readonly target?: string;
}

export interface FileFacts {
  /** Of the bytes git has or would store; a Git-LFS pointer stands for its object. */
  readonly digest: Digest;
  readonly size: number;
  readonly executable: boolean;
  /** Set for a symbolic link: where it leads, as written; the digest is that of the text then. */
  readonly link?: string;
}

/** Where the bytes of a source file can be had for a workspace. */
export type FileSource =
  | { readonly kind: "file"; readonly source: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "link"; readonly target: string }
  /** A Git-LFS pointer: the object that the digest names is elsewhere. */
  | { readonly kind: "pointer" };

/** The repository in one state: the work tree as edited, or a commit (SEMANTICS §2, input grammar). */
export interface View {
  readonly kind: "work-tree" | "commit";
  /** The commit it stands on; null before the first one. */
  readonly commit: CommitSha | null;
  files(): Promise<readonly ViewFile[]>;
  read(path: string): Promise<Uint8Array | undefined>;
  /** Facts of the given files; absent ones are left out. */
  facts(paths: readonly string[]): Promise<ReadonlyMap<string, FileFacts>>;
  source(path: string): Promise<FileSource | undefined>;
  /** The target of a symbolic link as written; undefined for anything else. */
  link(path: string): Promise<string | undefined>;
  /** Those of the given files whose bytes are a Git-LFS pointer; none where no attributes of the tree name the filter. */
  pointers?(paths: readonly string[]): Promise<ReadonlySet<string>>;
  /** Why a path of the work tree is none of `files`, which were asked for before. */
  aside?(path: string): "ignored" | "deleted" | undefined;
}
