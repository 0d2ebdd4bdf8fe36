import { randomUUID } from "node:crypto";
import { chmodSync, constants, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname } from "node:path";

import { staysThere } from "./make-young.ts";
import { isCode } from "./objects.ts";
import type { Place } from "./store-place.ts";

/** Its bytes under another name, whole or not at all. */
export async function copyInto(path: string, target: string): Promise<void> {
  const temporary = temporaryBeside(target);
  await copyFile(path, temporary, constants.COPYFILE_FICLONE);
  chmodSync(temporary, 0o444);
  renameSync(temporary, target);
}

/** Process ids come again: one random word a file keeps leftovers of an earlier process apart. */
export function temporaryBeside(target: string): string {
  return `${target}.tmp-${process.pid}-${randomUUID()}`;
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
  // A machine that went down may have left less than all of it.
  if (staysThere(target, bytes.length)) return;
  makeFan(place, dirname(target));
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, bytes, { mode: 0o444 });
  renameSync(temporary, target);
  place.barrier.add(target);
}

/** Creates a JSON file whole or not at all: link(2) refuses where somebody was first, unless it is one that a crash tore. */
export function createOnce(place: Place, target: string, text: string): boolean {
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, text);
  try {
    linkSync(temporary, target);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    if (parsed(readFileSync(target, "utf8")) !== undefined || !takeTorn(target)) return false;
    try {
      linkSync(temporary, target);
    } catch (again) {
      if (!isCode(again, "EEXIST")) throw again;
      return false;
    }
  } finally {
    rmSync(temporary, { force: true });
  }
  place.barrier.add(target);
  return true;
}

/** Takes away what a crash tore; false where somebody had put something whole there since, which stays. */
function takeTorn(target: string): boolean {
  const torn = temporaryBeside(target);
  try {
    renameSync(target, torn);
  } catch (error) {
    if (isCode(error, "ENOENT")) return true;
    throw error;
  }
  try {
    if (parsed(readFileSync(torn, "utf8")) === undefined) return true;
    linkSync(torn, target);
    return false;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(torn, { force: true });
  }
}

/** Undefined for what is no JSON: a machine that went down left it so before anybody relied on it. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
