/** A bucket of an object store, as far as a store needs one; names are below the prefix of its address. */
export interface Bucket {
  /** How people call it. */
  readonly name: string;
  head(key: string): Promise<Headed | undefined>;
  /** All bytes of a small object. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** The last bytes of an object, and no more. */
  tail(key: string, bytes: number): Promise<Uint8Array | undefined>;
  /** Writes an object into a new file, large ones in ranges side by side; false when it is not there. */
  download(key: string, path: string, signal?: AbortSignal): Promise<boolean>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Puts a file, large ones in parts side by side. */
  upload(key: string, path: string): Promise<void>;
  /** Puts where nothing is; `unsure` while somebody else is creating it, `unable` where the server knows no conditions. */
  create(key: string, bytes: Uint8Array): Promise<"created" | "exists" | "unsure" | "unable">;
  /** Makes an object as young as a new one, or gives its bytes another name too. */
  copy(from: string, to: string): Promise<void>;
  /** Everything whose name begins so, in the order of names. */
  list(prefix: string): AsyncIterable<Listed>;
  remove(keys: readonly string[]): Promise<void>;
  /** Ends uploads in parts that were begun before a time (ms since 1970) and left. */
  abandonUploads(before: number): Promise<void>;
  close(): void;
}

export interface Headed {
  readonly size: number;
  /** Ms since 1970, by the clock of the server. */
  readonly modified: number;
}

export interface Listed extends Headed {
  readonly key: string;
}
