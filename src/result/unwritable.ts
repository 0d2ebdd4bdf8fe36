/** Why the machine takes no more bytes at a place, where an error says that. */
export interface Unwritable {
  readonly kind: "full" | "forbidden";
  readonly path: string | undefined;
}

/** Of the system by name, of SQLite by number: read-only, I/O, cannot be opened, full. */
const FULL: readonly unknown[] = ["ENOSPC", "EDQUOT", 13];
const FORBIDDEN: readonly unknown[] = ["EROFS", "EACCES", "EPERM", 8, 14];

/** Undefined for every other error; what caused an error counts as the error. */
export function unwritable(error: unknown): Unwritable | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "errcode" in error ? Number(error.errcode) & 0xff : "code" in error ? error.code : undefined;
  const path = "path" in error && typeof error.path === "string" ? error.path : undefined;
  if (FULL.includes(code)) return { kind: "full", path };
  // Node tells a parent that cannot be made as one that is not there, and rmSync gives no code at all.
  const unmade = code === "ENOENT" && "syscall" in error && error.syscall === "mkdir";
  if (FORBIDDEN.includes(code) || unmade || error.message.includes("Read-only file system"))
    return { kind: "forbidden", path };
  return unwritable(error.cause);
}

/** Does what only spares work later; a place that takes no more bytes is no reason to stop. */
export function whereWritable(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (unwritable(error) === undefined) throw error;
  }
}
