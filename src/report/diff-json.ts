import type { RunDiff } from "../diff/run-diff.ts";
import { jsonDocument } from "./words.ts";

/** The comparison for programs, version 1, every figure with all its digits. */
export function diffJson(diff: RunDiff): string {
  return jsonDocument({ ...diff });
}
