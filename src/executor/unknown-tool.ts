import type { Failure } from "../run/run-record.ts";
import { closest } from "../problem/suggest.ts";

/** Programs that people name as tools, for slips of the fingers. */
const USUAL =
  "python python3 node npm uv conda R Rscript julia java go rustc cargo gcc clang make cmake git perl ruby php duckdb sqlite3 spark-submit ffmpeg nvcc".split(
    " ",
  );

/** A declared tool that the step's PATH does not have, or that says no version: what stands there is no advice. */
export function unknownTool(tool: string, expected: string, program?: string): Failure {
  const failure = { kind: "environment", name: tool, expected, found: "not found" } as const;
  if (program !== undefined)
    return {
      ...failure,
      found: "without a version",
      line: `take \`${tool}\` off \`tools:\`: \`${tool} --version\` names none`,
    };
  const meant = USUAL.includes(tool) ? undefined : closest(tool, USUAL);
  const line =
    meant === undefined
      ? `install \`${tool}\` where the step's PATH has it, or correct its name under \`tools:\``
      : `correct its name under \`tools:\` (did you mean \`${meant}\`?), or install \`${tool}\``;
  return { ...failure, line };
}
