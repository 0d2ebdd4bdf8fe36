import { linkDigest, type Digest } from "../identity/identity.ts";
import type { ListingEntry, OutputRecord } from "../key/key-document.ts";
import type { FileDigests } from "../store/file-digests.ts";
import type { Store } from "../store/store.ts";
import type { WorkTree } from "../git/work-tree.ts";

export interface CheckOutPorts {
  readonly store: Store;
  readonly digests: FileDigests;
  readonly workTree: WorkTree;
}

/** What checking out did to the work tree. */
export interface CheckedOut {
  readonly written: readonly string[];
  /** Files of the user's that stood in the way: where they were, and where they are now. */
  readonly replaced: readonly { readonly path: string; readonly now: string }[];
  /** Outputs whose bytes the store has no more. */
  readonly missing: readonly string[];
  /** Outputs for which the disk had no room. */
  readonly noRoom: readonly string[];
}

/** One file or link that should stand in the work tree. */
interface Wanted {
  readonly path: string;
  readonly digest: Digest;
  readonly executable: boolean;
  /** Where a link leads; null for a file. */
  readonly link: string | null;
}

/** True when every output already stands in the work tree with the bytes of its result: one lstat a file. */
export async function isCheckedOut(ports: CheckOutPorts, outputs: readonly OutputRecord[]): Promise<boolean> {
  for (const output of outputs) {
    const wanted = output.kind === "directory" ? await below(ports.store, output) : [fileOf(output)];
    if (wanted === undefined) return false;
    if (!wanted.every((file) => stands(ports, file))) return false;
  }
  return true;
}

function stands(ports: CheckOutPorts, { path, digest, executable, link }: Wanted): boolean {
  if (link !== null) return ports.workTree.linkAt(path) === link;
  const there = ports.digests.digest(ports.workTree.absolute(path));
  return there?.digest === digest && there.executable === executable;
}

/**
 * Brings declared outputs into the work tree. Bytes that Sluice did not write are never lost:
 * they move to `.sluice/replaced/<time>/` and are named (SEMANTICS §3, local manners).
 */
export async function checkOut(
  ports: CheckOutPorts,
  outputs: readonly OutputRecord[],
  time: string,
): Promise<CheckedOut> {
  const written: string[] = [];
  const replaced: { path: string; now: string }[] = [];
  const missing: string[] = [];
  const noRoom: string[] = [];
  for (const output of outputs) {
    const wanted = output.kind === "directory" ? await below(ports.store, output) : [fileOf(output)];
    if (wanted === undefined) {
      // Asked for as a whole, it is known to be missed.
      await ports.store.materialize(output, ports.workTree.absolute(output.path));
      missing.push(output.path);
      continue;
    }
    const absent = wanted.filter((file) => !stands(ports, file));
    if (absent.length === 0) continue;
    const stood = ports.workTree.stands(output.path);
    if (stood) replaced.push(...moveStrangers(ports, output, { wanted, time }));
    for (const file of absent) {
      const absolute = ports.workTree.absolute(file.path);
      if (stood && ports.workTree.stands(file.path)) ports.workTree.remove(file.path);
      if (file.link !== null) {
        ports.workTree.link(file.path, file.link);
        ports.workTree.own(file.path, file.digest);
        written.push(file.path);
        continue;
      }
      const placed = await ports.store.materialize(
        { kind: file.executable ? "executable" : "file", digest: file.digest },
        absolute,
      );
      if (placed.kind !== "ok") {
        (placed.kind === "disk-full" ? noRoom : missing).push(file.path);
        continue;
      }
      ports.digests.remember(absolute, file.digest);
      ports.workTree.own(file.path, file.digest);
      written.push(file.path);
    }
  }
  ports.workTree.save();
  return { written, replaced, missing, noRoom };
}

function fileOf(output: OutputRecord): Wanted {
  return { path: output.path, digest: output.digest, executable: output.kind === "executable", link: null };
}

async function below(store: Store, output: OutputRecord): Promise<readonly Wanted[] | undefined> {
  const listing = await store.listing(output.digest);
  return listing?.map((entry: ListingEntry): Wanted => {
    const path = `${output.path}/${entry.path}`;
    if ("link" in entry) return { path, digest: linkDigest(entry.link), executable: false, link: entry.link };
    return { path, digest: entry.digest, executable: entry.x, link: null };
  });
}

/** Moves aside what stands in the way and is not ours: files with other bytes, and extra files in an output directory. */
function moveStrangers(
  ports: CheckOutPorts,
  output: OutputRecord,
  { wanted, time }: { readonly wanted: readonly Wanted[]; readonly time: string },
): readonly { readonly path: string; readonly now: string }[] {
  const byPath = new Map(wanted.map((file) => [file.path, file.digest]));
  const moved: { path: string; now: string }[] = [];
  const standing = ports.workTree.filesAt(output.path);
  for (const path of new Set([...standing, ...byPath.keys()])) {
    const there = digestAt(ports, path);
    if (there === undefined) {
      // A directory is looked at after its files: what is left of one that was an output is nothing.
      if (!ports.workTree.stands(path) || ports.workTree.removeEmpty(path)) continue;
    } else {
      if (there === byPath.get(path)) continue;
      if (ports.workTree.owned(path) === there) {
        ports.workTree.remove(path);
        continue;
      }
    }
    moved.push({ path, now: ports.workTree.moveAside(path, time) });
  }
  return moved;
}

function digestAt({ digests, workTree }: CheckOutPorts, path: string): Digest | undefined {
  const link = workTree.linkAt(path);
  return link === undefined ? digests.digest(workTree.absolute(path))?.digest : linkDigest(link);
}
