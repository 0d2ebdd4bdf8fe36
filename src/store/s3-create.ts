import { setTimeout } from "node:timers/promises";

import type { Bucket } from "./bucket.ts";

export interface Creating {
  readonly bucket: Bucket;
  /** Whether the server keeps `If-None-Match`; asked until it says so. */
  conditional?: Promise<boolean>;
}

const PROBE = "conditional";
/** What this process creates at the moment, by name. */
const own = new Map<string, Promise<boolean>>();
const TRIES = 5;

/** Creates an object where there is none; true when it was us. */
export async function createOnce(creating: Creating, name: string, bytes: Uint8Array): Promise<boolean> {
  if (await keepsConditions(creating)) return byCondition(creating.bucket, name, bytes);
  return inTurn(creating.bucket, name, bytes);
}

/** Two that create one object: a server that keeps conditions refuses the second. */
async function keepsConditions(creating: Creating): Promise<boolean> {
  const asked = (creating.conditional ??= probe(creating.bucket));
  try {
    return await asked;
  } catch (error) {
    if (creating.conditional === asked) delete creating.conditional;
    throw error;
  }
}

async function probe(bucket: Bucket): Promise<boolean> {
  const bytes = new TextEncoder().encode("created once\n");
  for (let [created, tried] = [0, 1]; tried <= TRIES; tried++) {
    const answer = await bucket.create(PROBE, bytes);
    if (answer === "exists") return true;
    if (answer === "unable" || (answer === "created" && ++created === 2)) return false;
    if (answer === "unsure") await setTimeout(100 * 2 ** tried);
  }
  throw new Error(busy(bucket, PROBE));
}

function busy(bucket: Bucket, name: string): string {
  return `creating ${bucket.name}${name}: others are creating it, and none of them comes to an end`;
}

async function byCondition(bucket: Bucket, name: string, bytes: Uint8Array): Promise<boolean> {
  for (let tried = 1; tried <= TRIES; tried++) {
    const created = await bucket.create(name, bytes);
    if (created === "created" || created === "exists") return created === "created";
    if ((await bucket.head(name)) !== undefined) return false;
    await setTimeout(100 * 2 ** tried);
  }
  throw new Error(busy(bucket, name));
}

/**
 * Without conditions the first of two processes cannot be told for certain: it is looked before and after. Within this
 * process one goes after the other; between processes the lease on the key keeps them apart, and equal bytes have equal names.
 */
async function inTurn(bucket: Bucket, name: string, bytes: Uint8Array): Promise<boolean> {
  const before = own.get(`${bucket.name}${name}`) ?? Promise.resolve(false);
  const mine = before.then(
    () => lookedAround(bucket, name, bytes),
    () => lookedAround(bucket, name, bytes),
  );
  own.set(`${bucket.name}${name}`, mine);
  try {
    return await mine;
  } finally {
    if (own.get(`${bucket.name}${name}`) === mine) own.delete(`${bucket.name}${name}`);
  }
}

async function lookedAround(bucket: Bucket, name: string, bytes: Uint8Array): Promise<boolean> {
  if ((await bucket.head(name)) !== undefined) return false;
  await bucket.put(name, bytes);
  const there = await bucket.get(name);
  return there !== undefined && Buffer.from(there).equals(bytes);
}
