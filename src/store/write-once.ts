import { randomUUID } from "node:crypto";
import { chmodSync, constants, existsSync, linkSync, mkdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname } from "node:path";

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
