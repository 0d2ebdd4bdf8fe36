/** A package that is not installed as the lock file pins it; `found` null: not installed at all. */
export interface Difference {
  readonly name: string;
  readonly pinned: string;
  readonly found: string | null;
  /** A file of it that was changed after it was installed. */
  readonly changed?: string;
}
