import { randomBytes } from "node:crypto";
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

import type { Domain } from "../identity/identity.ts";
import type { Barrier } from "./barrier.ts";
import { isCode } from "./objects.ts";
import type { RecentBytes } from "./recent-bytes.ts";
import type { ResultIndex } from "./result-index.ts";

/** The directory of a store, with what this process knows of it. */
export interface Place {
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

/** Its bytes under another name, whole or not at all. */
export function copyInto(path: string, target: string): void {
  const temporary = temporaryBeside(target);
  copyFileSync(path, temporary, constants.COPYFILE_FICLONE);
  chmodSync(temporary, 0o444);
  renameSync(temporary, target);
}

/** Process ids come again; one random word a process keeps leftovers of an earlier one apart. */
const run = randomBytes(6).toString("hex");
let temporaries = 0;

export function temporaryBeside(target: string): string {
  return `${target}.tmp-${process.pid}-${run}-${++temporaries}`;
}

export function makeFan(place: Place, directory: string): void {
  if (place.fans.has(directory)) return;
  try {
    mkdirSync(directory);
  } catch {
    mkdirSync(directory, { recursive: true });
  }
  place.fans.add(directory);
}

export function writeObject(place: Place, target: string, bytes: Uint8Array): void {
  if (existsSync(target)) return;
  makeFan(place, dirname(target));
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, bytes, { mode: 0o444 });
  renameSync(temporary, target);
  place.barrier.add(target);
}

/** Creates a file whole or not at all: link(2) refuses where somebody was first. */
export function createOnce(place: Place, target: string, text: string): boolean {
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
