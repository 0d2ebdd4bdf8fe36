import type { Digest } from "../identity/identity.ts";
import type { Isolation, Profile } from "../key/key-document.ts";
import type { Environment } from "../pipeline/pipeline.ts";
import type { Failure } from "../run/run-record.ts";

/** Where a step's process finds an input: bytes from the store, or bytes that stand in place. */
export type StagedInput =
  | {
      readonly kind: "store";
      readonly path: string;
      readonly entry: "file" | "executable" | "directory";
      readonly digest: Digest;
    }
  /** A file of the work tree (or a dataset in place); `source` is absolute. Copied or bound read-only, never hardlinked. */
  | {
      readonly kind: "file";
      readonly path: string;
      readonly source: string;
      readonly executable: boolean;
      readonly digest: Digest;
    }
  | { readonly kind: "bytes"; readonly path: string; readonly bytes: Uint8Array; readonly executable: boolean }
  /** A symbolic link, as written: what it leads to is an input of its own, or lies in the same directory. */
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  /** Bound read-only (sandbox) or reached by a symlink to its place (workspace isolation); never copied. */
  | { readonly kind: "in-place"; readonly path: string; readonly source: string }
  /** A directory that survives the attempt: bound writable, or reached by a symlink to its place. */
  | { readonly kind: "checkpoint"; readonly path: string; readonly source: string };

/** An input that stands elsewhere, absolute at `source`, and is shown in the workspace. */
export interface Shown {
  readonly source: string;
  readonly path: string;
  readonly writable: boolean;
}

/** One attempt of one step, complete: an executor needs nothing else. */
export interface AttemptOrder {
  /** Unique per attempt; no `:` and no `/`. */
  readonly id: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly inputs: readonly StagedInput[];
  /** Parent directories of these exist before the step starts. */
  readonly outputs: readonly { readonly path: string; readonly directory: boolean }[];
  readonly network: boolean;
  /** In a sandbox of its own or a container, or not at all. */
  readonly sandbox?: "require";
  /** A step with secrets never shares a sandbox. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly environment: Environment;
  /** Digest of the file that pins the environment; absent where nothing does. */
  readonly lock?: Digest;
  /** Versions to verify before the step. */
  readonly tools: Readonly<Record<string, string>>;
  readonly timeoutMs: number | null;
  readonly memoryBytes: number | null;
  /** What a batch system is asked for; absent where the step runs beside the worker. */
  readonly batch?: { readonly system: "slurm" | "kubernetes"; readonly cpus: number; readonly gpus: number };
  /** Called once nothing of the step runs any more, right before its log is put in order: who reads along reads the rest. */
  readonly ending?: () => void;
}

export interface Attempt {
  /** Absolute path of the workspace as the caller sees it; outputs are taken from here. */
  readonly workspace: string;
  /** Absolute path of the log (stdout and stderr interleaved, redacted). */
  readonly log: string;
  /** True when tools or packages differ from what is declared and that was allowed: never *the* result of its key. */
  readonly drifted?: boolean;
  /** Where it is not the executor's own; certain once the attempt has ended. */
  readonly isolation?: Isolation;
  /** How the attempt ended; never rejects for anything a step can do. */
  readonly ended: Promise<AttemptEnd>;
  /** Files that appeared in the workspace and are neither inputs nor below declared outputs. */
  undeclared(): Promise<readonly string[]>;
  /** Removes the workspace; safe to call twice. */
  dispose(): Promise<void>;
}

export interface AttemptEnd {
  readonly kind: "ended";
  /** Null: exit code 0. */
  readonly failure: Failure | null;
  readonly cancelled: boolean;
  readonly profile: Profile;
  /** Its process was not seen gone and may still write: nothing that it holds is handed on. */
  readonly lingers?: true;
}

/** Where a step's process lives; held by contract/executor.ts. */
export interface Executor extends AsyncDisposable {
  readonly isolation: Isolation;
  /** Why the isolation is what it is, as one sentence for `doctor` and the plan. */
  readonly why: string;
  /** Ends when the step's process is asked for: its inputs are staged and a slot is free. */
  start(order: AttemptOrder, signal: AbortSignal): Promise<Attempt>;
  /** How many attempts should be handed in at once to keep the slots busy. */
  readonly ahead: number;
}

/** How steps are kept apart on this machine, and why, as one sentence. */
export type IsolationHere =
  | { readonly kind: "possible"; readonly isolation: Isolation; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

/** What a registry says of an image by tag; `image` is its full name with tag and digest. */
export type ImageDigest =
  | { readonly kind: "ok"; readonly image: string; readonly digest: Digest }
  | { readonly kind: "refused"; readonly why: string; readonly next: string };
