import { randomBytes } from "node:crypto";
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";

import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import { digestOf, hexOf, type Digest, type Domain } from "../identity/identity.ts";
import { directoryDigest, resultDigest, type ListingEntry, type StepResult } from "../key/key-document.ts";
import { mayRead, readable } from "../key/readable.ts";
import { syncAll, syncBarrier, type Barrier } from "./barrier.ts";
import { hashFileSync, walk } from "./hash.ts";
import { isCode, listing, listingPath, materialize, objectPath, rotten } from "./objects.ts";
import { readTail } from "./read-tail.ts";
import { recentBytes, type RecentBytes } from "./recent-bytes.ts";
import { resultIndex, resultPath, type ResultIndex } from "./result-index.ts";
import type { Created, Ingested, Peeked, ResultReader, Store } from "./store.ts";

interface Place {
  readonly root: string;
  readonly barrier: Barrier;
  readonly indexes: Map<Domain, ResultIndex>;
  readonly fans: Set<string>;
  readonly recent: RecentBytes;
  /** True once any result was revoked; looked at for each reader, because most stores never see one. */
  revoked: boolean;
  /** True where anything was ever evicted; undefined until the first result is created. */
  evicted?: boolean;
}

/** A store in one directory; workspaces should share its file system, so that outputs enter by rename. */
export function filesystemStore(root: string, barrier: Barrier = syncBarrier((paths) => syncAll(root, paths))): Store {
  const place: Place = {
    root,
    barrier,
    indexes: new Map(),
    fans: new Set(),
    recent: recentBytes(),
    revoked: false,
  };
  const present = async (digest: Digest): Promise<boolean> =>
    existsSync(objectPath(root, digest)) || existsSync(listingPath(root, digest));
  return {
    has: present,
    present,
    async ingest(path, as) {
      return guarded(as, () => ingest(place, path, { as, move: true }));
    },
    async ingestCopy(path) {
      return guarded(path, () => ingest(place, path, { as: posix.basename(path), move: false }));
    },
    async putBytes(bytes) {
      const digest = digestOf(bytes);
      writeObject(place, objectPath(root, digest), bytes);
      return digest;
    },
    peek: async (workspace, path, most) => peek(workspace, path, most),
    missing: async (workspace, paths) =>
      paths.filter((path) => lstatSync(`${workspace}/${path}`, { throwIfNoEntry: false }) === undefined),
    async read(digest) {
      const path = objectPath(root, digest);
      if (!existsSync(path)) return undefined;
      const bytes = readFileSync(path);
      if (digestOf(bytes) === digest) return bytes;
      rotten(root, digest);
      return undefined;
    },
    tail: async (digest, bytes) => readTail(objectPath(root, digest), bytes),
    listing: async (digest) => listing(root, digest),
    listingSync: (digest) => listing(root, digest),
    async materialize(record, target) {
      return materialize(root, record, { target, recent: place.recent });
    },
    async reader(domain) {
      return reader(place, domain);
    },
    createResult: async (domain, result) => createResult(place, domain, result),
    async revoke(domain, old, now, why) {
      revoke(place, domain, { old, now, why });
    },
    barrier: () => barrier.reach(),
    async [Symbol.asyncDispose]() {},
  };
}

export function resultsDirectory(root: string, domain: Domain): string {
  return `${root}/results/${domain}`;
}

function guarded(path: string, take: () => Ingested): Ingested {
  try {
    return take();
  } catch (error) {
    if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT")) return { kind: "disk-full" };
    if (isCode(error, "ENAMETOOLONG")) return { kind: "refused", why: "something in it lies too deep to be named" };
    throw new Error(`taking ${path} into the store`, { cause: error });
  }
}

interface Taking {
  readonly as: string;
  readonly move: boolean;
}

function ingest(place: Place, path: string, taking: Taking): Ingested {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { kind: "absent" };
  if (stat.isFile()) {
    const { digest, size } = takeFile(place, path, taking.move);
    const kind = (stat.mode & 0o100) === 0 ? "file" : "executable";
    return { kind: "ok", record: { path: taking.as, kind, digest, size, files: 1 } };
  }
  if (!stat.isDirectory())
    return {
      kind: "refused",
      why: stat.isSymbolicLink() ? "it is a symbolic link" : "it is neither a file nor a directory",
    };
  const entries: ListingEntry[] = [];
  let total = 0;
  for (const entry of walk(path)) {
    if (entry.kind === "misnamed") return { kind: "refused", why: `the name of \`${entry.path}\` is not UTF-8` };
    if (entry.kind === "special")
      return { kind: "refused", why: `\`${entry.path}\` is neither a file nor a directory` };
    if (entry.kind === "link") {
      if (leaves(entry.path, entry.target))
        return { kind: "refused", why: `\`${entry.path}\` links to \`${entry.target}\`, outside of it` };
      entries.push({ path: entry.path, link: entry.target });
      continue;
    }
    const file = `${path}/${entry.path}`;
    const x = (lstatSync(file).mode & 0o100) !== 0;
    const { digest, size } = takeFile(place, file, taking.move);
    total += size;
    entries.push({ path: entry.path, x, digest, size });
  }
  const digest = directoryDigest(entries);
  writeObject(place, listingPath(place.root, digest), Buffer.from(canonicalJson(entries as unknown as Json)));
  return { kind: "ok", record: { path: taking.as, kind: "directory", digest, size: total, files: entries.length } };
}

/** True when a link's target does not stay inside the directory that is stored. */
function leaves(path: string, target: string): boolean {
  if (target.startsWith("/")) return true;
  const resolved = posix.normalize(posix.join(posix.dirname(path), target));
  return resolved === ".." || resolved.startsWith("../");
}

/** Whether a file is there and no part of the way to it is a link, which a step could lead anywhere. */
function standsIn(workspace: string, path: string): boolean {
  for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1))
    if (lstatSync(`${workspace}/${path.slice(0, slash)}`, { throwIfNoEntry: false })?.isDirectory() !== true)
      return false;
  return lstatSync(`${workspace}/${path}`, { throwIfNoEntry: false })?.isFile() === true;
}

function peek(workspace: string, path: string, most: number): Peeked {
  if (!standsIn(workspace, path)) return { kind: "absent" };
  const { size } = lstatSync(`${workspace}/${path}`);
  return size > most ? { kind: "too-large", size } : { kind: "ok", bytes: readFileSync(`${workspace}/${path}`) };
}

function takeFile(place: Place, path: string, move: boolean): { readonly digest: Digest; readonly size: number } {
  const { bytes, ...hashed } = hashFileSync(path);
  const target = objectPath(place.root, hashed.digest);
  if (bytes !== undefined) place.recent.keep(hashed.digest, bytes);
  // What is there already stays where it is: it goes with the rest of the workspace.
  if (existsSync(target)) return hashed;
  makeFan(place, dirname(target));
  if (move) {
    try {
      renameSync(path, target);
      chmodSync(target, 0o444);
    } catch (error) {
      if (!isCode(error, "EXDEV")) throw error;
      copyInto(path, target);
      unlinkSync(path);
    }
  } else copyInto(path, target);
  place.barrier.add(target);
  return hashed;
}

function copyInto(path: string, target: string): void {
  const temporary = temporaryBeside(target);
  copyFileSync(path, temporary, constants.COPYFILE_FICLONE);
  chmodSync(temporary, 0o444);
  renameSync(temporary, target);
}

/** Process ids come again; one random word a process keeps leftovers of an earlier one apart. */
const run = randomBytes(6).toString("hex");
let temporaries = 0;

function temporaryBeside(target: string): string {
  return `${target}.tmp-${process.pid}-${run}-${++temporaries}`;
}

function makeFan(place: Place, directory: string): void {
  if (place.fans.has(directory)) return;
  try {
    mkdirSync(directory);
  } catch {
    mkdirSync(directory, { recursive: true });
  }
  place.fans.add(directory);
}

function writeObject(place: Place, target: string, bytes: Uint8Array): void {
  if (existsSync(target)) return;
  makeFan(place, dirname(target));
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, bytes, { mode: 0o444 });
  renameSync(temporary, target);
  place.barrier.add(target);
}

function indexOf(place: Place, domain: Domain): ResultIndex {
  const known = place.indexes.get(domain);
  if (known !== undefined) return known;
  const index = resultIndex(
    join(place.root, "index", `${domain.replace("/", "-")}.tsv`),
    resultsDirectory(place.root, domain),
  );
  place.indexes.set(domain, index);
  return index;
}

function reader(place: Place, domain: Domain): ResultReader {
  const from = readable(domain);
  place.revoked ||= existsSync(join(place.root, "revocations"));
  return {
    result(key) {
      for (const one of from) {
        const first = indexOf(place, one).get(key);
        const result = first !== undefined && place.revoked ? revised(place, one, first) : first;
        // Where it lies decides, not what it says of itself; and what took its place is judged as it was made.
        if (result !== undefined && mayRead(domain, one, result)) return result;
      }
      return undefined;
    },
    evicted: (key) => existsSync(join(place.root, "evicted", `${hexOf(key)}.json`)),
    catchUp: async () => false,
  };
}

function revised(place: Place, domain: Domain, result: StepResult): StepResult {
  if (!existsSync(join(place.root, "revocations"))) return result;
  const revocation = join(place.root, "revocations", domain, `${hexOf(result.key)}.json`);
  if (!existsSync(revocation)) return result;
  const { now } = JSON.parse(readFileSync(revocation, "utf8")) as { readonly now: StepResult };
  return now;
}

function createResult(place: Place, domain: Domain, result: StepResult): Created {
  if (result.made.domain !== domain)
    throw new Error(`keeping a result of ${result.made.domain} in ${domain}: nobody writes into another domain`);
  const directory = resultsDirectory(place.root, domain);
  const target = resultPath(directory, hexOf(result.key));
  makeFan(place, dirname(target));
  if (createOnce(place, target, `${JSON.stringify(result)}\n`)) {
    indexOf(place, domain).add(result);
    // A marker that is left is never asked for while there is a result.
    place.evicted ??= existsSync(join(place.root, "evicted"));
    if (place.evicted) rmSync(join(place.root, "evicted", `${hexOf(result.key)}.json`), { force: true });
    return { kind: "created" };
  }
  const first = JSON.parse(readFileSync(target, "utf8")) as StepResult;
  const the = revised(place, domain, first);
  const same = resultDigest(the) === resultDigest(result);
  if (!same) {
    const observation = join(
      place.root,
      "observations",
      domain,
      hexOf(result.key),
      `${hexOf(resultDigest(result))}.json`,
    );
    makeFan(place, dirname(observation));
    createOnce(place, observation, `${JSON.stringify(result)}\n`);
  }
  return { kind: "exists", result: the, same };
}

/** Creates a file whole or not at all: link(2) refuses where somebody was first. */
function createOnce(place: Place, target: string, text: string): boolean {
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, text);
  try {
    linkSync(temporary, target);
    place.barrier.add(target);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
}

function revoke(
  place: Place,
  domain: Domain,
  {
    old,
    now,
    why,
  }: {
    readonly old: StepResult;
    readonly now: StepResult;
    readonly why: { readonly who: string; readonly reason: string };
  },
): void {
  if (now.made.domain !== domain)
    throw new Error(`revoking a result of ${domain} from ${now.made.domain}: nobody writes into another domain`);
  place.revoked = true;
  const target = join(place.root, "revocations", domain, `${hexOf(now.key)}.json`);
  makeFan(place, dirname(target));
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, `${JSON.stringify({ who: why.who, reason: why.reason, old: resultDigest(old), now })}\n`);
  if (existsSync(target)) {
    const earlier = readdirSync(dirname(target)).filter((name) => name.startsWith(hexOf(now.key))).length;
    renameSync(target, `${target.slice(0, -".json".length)}.${earlier}.json`);
  }
  renameSync(temporary, target);
  place.barrier.add(target);
}
