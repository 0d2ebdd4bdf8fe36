import { existsSync, lstatSync, readFileSync } from "node:fs";
import { posix } from "node:path";

import { digestOf, type Digest } from "../identity/identity.ts";
import { syncAll, syncBarrier, type Barrier } from "./barrier.ts";
import { breather } from "./breather.ts";
import { createResult, resultReader, revokeResult } from "./file-results.ts";
import { ingest } from "./ingest.ts";
import { markLost } from "./lost-bytes.ts";
import { stays } from "./make-young.ts";
import { listing, listingPath, materialize, objectPath, rotten, seenAt } from "./objects.ts";
import { readTail } from "./read-tail.ts";
import { recentBytes } from "./recent-bytes.ts";
import type { Place } from "./store-place.ts";
import type { Peeked, Store } from "./store.ts";
import { writeObject } from "./write-once.ts";

/** A store in one directory; workspaces should share its file system, so that outputs enter by rename. */
export function filesystemStore(root: string, barrier: Barrier = syncBarrier((paths) => syncAll(root, paths))): Store {
  const place: Place = {
    root,
    barrier,
    indexes: new Map(),
    fans: new Set(),
    recent: recentBytes(),
    revoked: false,
    evicted: undefined,
    collected: undefined,
  };
  const breathe = breather();
  const present = async (digest: Digest): Promise<boolean> =>
    existsSync(objectPath(root, digest)) || existsSync(listingPath(root, digest));
  return {
    async has(digest) {
      await breathe();
      return stays(root, digest);
    },
    present,
    async ingest(path, as) {
      return ingest(place, path, { as, move: true });
    },
    async ingestCopy(path) {
      return ingest(place, path, { as: posix.basename(path), move: false });
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
      const seen = seenAt(path);
      if (seen === undefined) return undefined;
      const bytes = readFileSync(path);
      if (digestOf(bytes) === digest) return bytes;
      rotten(root, digest, seen);
      return undefined;
    },
    tail: async (digest, bytes) => readTail(objectPath(root, digest), bytes),
    listing: async (digest) => listing(root, digest),
    listingSync: (digest) => listing(root, digest),
    async materialize(record, target) {
      const placed = await materialize(root, record, { target, recent: place.recent });
      if (placed.kind === "missing" || placed.kind === "corrupt") markLost(root, placed.digest);
      return placed;
    },
    async reader(domain) {
      return resultReader(place, domain);
    },
    createResult: async (domain, result) => createResult(place, domain, result),
    async revoke(domain, revocation) {
      revokeResult(place, domain, revocation);
    },
    barrier: () => barrier.reach(),
    async [Symbol.asyncDispose]() {},
  };
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
