import { closest } from "../problem/suggest.ts";
import type { Input } from "./pipeline.ts";
import { problemAt, type Resolving } from "./resolution.ts";

/** Says that an input is neither a file nor an output, and what was most likely meant. */
export function missing(resolving: Resolving, input: Input, path: string): void {
  const outputs = resolving.outputs.all;
  const output =
    closest(
      path,
      outputs.map((candidate) => candidate.path),
    ) ??
    sameName(
      path,
      outputs.map((candidate) => candidate.path),
    );
  const producer = outputs.find((candidate) => candidate.path === output);
  const files = resolving.tree.files.map((file) => file.path);
  const near = closest(path, files) ?? sameName(path, files);
  const next =
    producer !== undefined
      ? `did you mean \`${producer.path}\` (from \`${producer.step}\`)?`
      : near !== undefined
        ? `did you mean \`${near}\`?`
        : `create \`${path}\`, or declare it as the output of a step`;
  problemAt(resolving, input.at, {
    code: "missing-input",
    message: `\`${path}\` is neither a file of the repository nor an output of a step`,
    next,
  });
}

/** A path with the same last part: the most common slip is the directory. */
function sameName(path: string, candidates: readonly string[]): string | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return candidates.find((candidate) => candidate.slice(candidate.lastIndexOf("/") + 1) === name);
}
