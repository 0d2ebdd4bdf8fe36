import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { processStart } from "./process-start.ts";

let count = 0;

/** Runs one act at a time among all processes of this machine; a lock whose process is gone is taken over. */
export async function alone<Value>(path: string, act: () => Promise<Value>): Promise<Value> {
  const mine = `${path}.${process.pid}.${++count}`;
  writeFileSync(mine, owner());
  try {
    while (!taken(mine, path)) await new Promise((resolve) => setTimeout(resolve, 10));
  } finally {
    unlinkSync(mine);
  }
  try {
    return await act();
  } finally {
    rmSync(path, { force: true });
  }
}

function taken(mine: string, path: string): boolean {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  if (!alive(path)) rmSync(path, { force: true });
  return false;
}

/** Says that this process uses what the directory stands for, until released or dead. */
export function holding(directory: string): { release(): void } {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${process.pid}.${++count}`);
  writeFileSync(path, owner());
  return { release: () => rmSync(path, { force: true }) };
}

/** Whether a living process still says so; what dead ones left is removed. */
export function otherHolders(directory: string): boolean {
  let others = false;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (alive(path)) others = true;
    else rmSync(path, { force: true });
  }
  return others;
}

function owner(): string {
  return `${process.pid} ${processStart(process.pid)}\n`;
}

function alive(path: string): boolean {
  try {
    const [pid, start] = readFileSync(path, "utf8").trim().split(" ");
    const began = processStart(Number(pid));
    return began !== "" && began === start;
  } catch {
    return false;
  }
}
