import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";

import { digestOf, type Digest } from "../identity/identity.ts";
import { directoryDigest, type ListingEntry } from "../key/key-document.ts";
import { pinPathOf } from "../pipeline/pin-path.ts";
import type { Pin } from "../pipeline/dataset-pin.ts";
import type { DvcPointer } from "../pipeline/dvc-pointer.ts";
import { restoring } from "../pipeline/missing-input.ts";
import type { Dataset } from "../pipeline/pipeline.ts";
import type { DatasetState } from "../pipeline/resolution.ts";
import type { FileDigests } from "./file-digests.ts";
import { walk } from "./hash.ts";
import type { ParsedCache } from "./parsed-cache.ts";

export interface DatasetPlaces {
  /** Absolute root of the repository. */
  readonly root: string;
  readonly digests: FileDigests;
  readonly cache: ParsedCache;
  /** True when the repository's own files stand at this path. */
  readonly inRepository: (path: string) => boolean;
  /** True when git has it and the work tree has lost it. */
  readonly isDeleted: (path: string) => boolean;
}

export interface Measured {
  readonly digest: Digest;
  readonly size: number;
  readonly files: number;
}

/** What a plan needs to know of a dataset; bytes in place are hashed once and then trusted by stat. */
export async function datasetState(places: DatasetPlaces, dataset: Dataset): Promise<DatasetState> {
  switch (dataset.kind) {
    case "path":
      return pathState(places, dataset);
    case "dvc":
      return dvcState(places, dataset);
    case "output":
      if (dataset.optional) return { kind: "absent", path: dataset.path };
      return {
        kind: "problem",
        message: "outputs of other pipelines are not in this version on a laptop",
        next: "read the file in the repository, or pin it with `sluice data add`",
      };
    default:
      return dataset satisfies never;
  }
}

async function pathState(places: DatasetPlaces, dataset: Extract<Dataset, { kind: "path" }>): Promise<DatasetState> {
  if (dataset.pin === null && places.inRepository(dataset.path)) return { kind: "git", path: dataset.path };
  const pinPath = pinPathOf(dataset);
  const there = measure(places, dataset.path);
  if (!existsSync(join(places.root, pinPath))) {
    if (there === undefined && dataset.optional) return { kind: "absent", path: dataset.path };
    const lost = lostOf(places, [pinPath, dataset.path]);
    if (lost !== undefined) return lost;
    const what =
      there === undefined
        ? `nothing stands at \`${dataset.path}\` and it has no pin`
        : `\`${dataset.path}\` is not in git and has no pin`;
    return { kind: "problem", message: what, next: `sluice data add ${dataset.name}` };
  }
  const { parsePin } = await import("../pipeline/dataset-pin.ts");
  const pin = parsePin(readFileSync(join(places.root, pinPath), "utf8"));
  if (pin.kind === "refused")
    return { kind: "problem", message: `\`${pinPath}\`: ${pin.refusal}`, next: `sluice data update ${dataset.name}` };
  const { digest, size } = pin.value;
  const uri = dataset.uri ?? pin.value.uri;
  if (there === undefined && uri === null) {
    return (
      lostOf(places, [dataset.path]) ?? {
        kind: "problem",
        message: `nothing stands at \`${dataset.path}\` and no uri says where it can be had`,
        next: "put the data there, or add a `uri:`",
      }
    );
  }
  if (there !== undefined && there.digest !== digest) {
    return {
      kind: "problem",
      message: `\`${dataset.path}\` is not what \`${pinPath}\` pins`,
      next: `restore the data, or accept it: sluice data update ${dataset.name}`,
    };
  }
  return { kind: "ready", path: dataset.path, digest, size, tracked: false, uri };
}

/** The first of these that git has and that was deleted by hand. */
function lostOf({ root, isDeleted }: DatasetPlaces, paths: readonly string[]): DatasetState | undefined {
  const lost = paths.find((path) => !existsSync(join(root, path)) && isDeleted(path));
  if (lost === undefined) return undefined;
  return { kind: "problem", message: `\`${lost}\` is in git, and is gone from the work tree`, next: restoring(lost) };
}

/** Digest of the file or directory that stands at a path of the repository; undefined when nothing does. */
export function measure(places: Pick<DatasetPlaces, "root" | "digests">, path: string): Measured | undefined {
  const absolute = join(places.root, path);
  const stat = statSync(absolute, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.isFile()) {
    const file = places.digests.digest(lstatSync(absolute).isSymbolicLink() ? realpathSync(absolute) : absolute);
    return file === undefined ? undefined : { digest: file.digest, size: file.size, files: 1 };
  }
  const entries: ListingEntry[] = [];
  let size = 0;
  for (const entry of walk(absolute)) {
    if (entry.kind === "link") entries.push({ path: entry.path, link: entry.target });
    if (entry.kind !== "file") continue;
    const file = places.digests.digest(join(absolute, entry.path));
    if (file === undefined) continue;
    size += file.size;
    entries.push({ path: entry.path, x: file.executable, digest: file.digest, size: file.size });
  }
  return { digest: directoryDigest(entries), size, files: entries.length };
}

async function dvcState(places: DatasetPlaces, dataset: Extract<Dataset, { kind: "dvc" }>): Promise<DatasetState> {
  const file = join(places.root, dataset.file);
  if (!existsSync(file))
    return { kind: "problem", message: `there is no pointer file \`${dataset.file}\``, next: "correct `dvc:`" };
  const { parseDvcPointer } = await import("../pipeline/dvc-pointer.ts");
  const pointer = parseDvcPointer(readFileSync(file, "utf8"));
  if (pointer.kind === "refused")
    return { kind: "problem", message: `\`${dataset.file}\`: ${pointer.refusal}`, next: "correct the pointer file" };
  const path = posix.join(posix.dirname(dataset.file), pointer.value.path);
  const there = measure(places, path);
  if (there === undefined)
    return { kind: "problem", message: `nothing stands at \`${path}\``, next: `dvc pull ${dataset.file}` };
  const md5 = await md5Of(places, path, there.digest);
  if (md5 !== pointer.value.md5)
    return {
      kind: "problem",
      message: `\`${path}\` is not what \`${dataset.file}\` points to`,
      next: `dvc checkout ${dataset.file}`,
    };
  return { kind: "ready", path, digest: there.digest, size: there.size, tracked: false, uri: null };
}

/** DVC's digest of a file or, with `.dir`, of the JSON list of a directory's files; computed once per content. */
async function md5Of(places: DatasetPlaces, path: string, digest: Digest): Promise<DvcPointer["md5"]> {
  const key = digestOf(`dvc-md5 ${digest}`);
  const known = places.cache.get(key);
  if (typeof known === "string") return known;
  const absolute = join(places.root, path);
  const md5 = statSync(absolute).isDirectory() ? `${await directoryMd5(absolute)}.dir` : await fileMd5(absolute);
  places.cache.set(key, md5);
  return md5;
}

async function fileMd5(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** As Python's `json.dumps` writes a text: everything beyond ASCII escaped. */
function pythonJson(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** DVC hashes Python's `json.dumps` of `[{"md5", "relpath"}]`, sorted by path. */
async function directoryMd5(directory: string): Promise<string> {
  const files = walk(directory).filter((entry) => entry.kind === "file");
  const entries: string[] = [];
  for (const { path } of files)
    entries.push(`{"md5": "${await fileMd5(join(directory, path))}", "relpath": ${pythonJson(path)}}`);
  return createHash("md5")
    .update(`[${entries.join(", ")}]`)
    .digest("hex");
}

/** Writes a dataset's pin file. */
export async function writePin(root: string, path: string, pin: Pin): Promise<void> {
  const { renderPin } = await import("../pipeline/dataset-pin.ts");
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), renderPin(pin));
}
