import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

import { hexOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";

/**
 * The results of one domain in one append-only file, `<hex key>\t<json>` a line: reading a thousand costs one read.
 * Disposable: the files below `results/<domain>/` are the truth, and a line that is missing here is looked up there.
 */
export interface ResultIndex {
  get(key: Digest): StepResult | undefined;
  add(result: StepResult): void;
  /** Nothing is asked of it any more. */
  close(): void;
}

export function resultIndex(path: string, directory: string): ResultIndex {
  let lines: Map<string, string> | undefined;
  const parsed = new Map<Digest, StepResult>();
  let file: number | undefined;
  const all = (): Map<string, string> => (lines ??= load(path));

  function fromFile(key: Digest): StepResult | undefined {
    const path = resultPath(directory, hexOf(key));
    // Asked first: most questions are about what is not there, and an exception costs more than the answer.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    try {
      return parse(readFileSync(path, "utf8"));
    } catch {
      return undefined;
    }
  }

  return {
    get(key) {
      const known = parsed.get(key);
      if (known !== undefined) return known;
      const line = all().get(hexOf(key));
      const result = line === undefined ? fromFile(key) : (parse(line) ?? fromFile(key));
      if (result !== undefined) parsed.set(key, result);
      return result;
    },
    add(result) {
      parsed.set(result.key, result);
      try {
        file ??= openForAppend(path);
        writeSync(file, `${hexOf(result.key)}\t${JSON.stringify(result)}\n`);
      } catch {
        // It is looked up where it is kept.
      }
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

/** After results went; others may write to them meanwhile, so that what cannot be removed stays. */
export function removeIndexes(directory: string): void {
  for (const name of namesIn(directory))
    try {
      rmSync(join(directory, name), { force: true });
    } catch {
      // What it still knows counts as lost bytes.
    }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

export function resultPath(directory: string, hex: string): string {
  return `${directory}/${hex}.json`;
}

function openForAppend(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, "a");
}

function load(path: string): Map<string, string> {
  const lines = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return lines;
  }
  let at = 0;
  for (let end = text.indexOf("\n", at); end >= 0; end = text.indexOf("\n", at)) {
    if (text.charCodeAt(at + 64) === 9) lines.set(text.slice(at, at + 64), text.slice(at + 65, end));
    at = end + 1;
  }
  return lines;
}

function parse(text: string): StepResult | undefined {
  try {
    const value = JSON.parse(text) as StepResult;
    return value.result === 1 ? value : undefined;
  } catch {
    return undefined;
  }
}
