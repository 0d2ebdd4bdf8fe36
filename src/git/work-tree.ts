import type { Digest } from "../identity/identity.ts";

/** The user's files, touched with manners: Sluice knows which bytes it wrote and never destroys others. */
export interface WorkTree {
  readonly root: string;
  absolute(path: string): string;
  /** True when anything stands at a path, a dangling link included. */
  stands(path: string): boolean;
  /** Where the symbolic link at a path leads; undefined for anything else. */
  linkAt(path: string): string | undefined;
  /** Makes a symbolic link where nothing stands. */
  link(path: string, target: string): void;
  /** The file at a path, or all files below a directory; empty when nothing is there. */
  filesAt(path: string): readonly string[];
  /** Digest of what Sluice wrote at a path last. */
  owned(path: string): Digest | undefined;
  own(path: string, digest: Digest): void;
  /** Removes a file that Sluice wrote itself. */
  remove(path: string): void;
  /** Removes a directory that holds no file; false where there is none such. */
  removeEmpty(path: string): boolean;
  /** Moves a path to `.sluice/replaced/<time>/<path>` and answers where it is now, relative to the root. */
  moveAside(path: string, time: string): string;
  /** Adds outputs to the one marked block in `.git/info/exclude`, which names `.sluice/` too. */
  exclude(outputs: readonly string[]): void;
  /** Writes what was learnt about owned paths. */
  save(): void;
}
