import { closest } from "../problem/suggest.ts";
import { flowItem } from "./flow-item.ts";
import type { Input } from "./pipeline.ts";
import { problemAt, type Resolving } from "./resolution.ts";
import type { Aside } from "./tree.ts";

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
  const decomposed = files.find((file) => file !== path && file.normalize("NFC") === path);
  if (decomposed !== undefined) {
    problemAt(resolving, input.at, {
      code: "missing-input",
      message: `\`${path}\` is in the repository under a name that looks the same and has other characters (it is not in Unicode's composed form)`,
      next: `git mv -- ${spelledOut(decomposed)} ${quoted(path)}`,
    });
    return;
  }
  const meant = producer && `did you mean \`${producer.path}\` (from \`${producer.step}\`)?`;
  const aside = resolving.tree.aside(path);
  if (aside !== undefined) {
    const { message, next } = asideWords(aside, path);
    problemAt(resolving, input.at, { code: "missing-input", message, next: meant ?? next });
    return;
  }
  const near = closest(path, files) ?? sameName(path, files);
  const next =
    meant ??
    (near === undefined ? `create \`${path}\`, or declare it as the output of a step` : `did you mean \`${near}\`?`);
  problemAt(resolving, input.at, {
    code: "missing-input",
    message: `\`${path}\` is neither a file of the repository nor an output of a step`,
    next,
  });
}

function asideWords(aside: Aside, path: string): { readonly message: string; readonly next: string } {
  if (aside === "deleted")
    return {
      message: `\`${path}\` is in git, and is gone from the work tree`,
      next: restoring(path),
    };
  return { message: `\`${path}\` is here but git ignores it`, next: namingDataset(path) };
}

/** What makes data beside git an input. */
export function namingDataset(path: string): string {
  const name = datasetName(path);
  return `name it as a dataset: \`datasets: { ${name}: { path: ${flowItem(path)} } }\` and \`inputs: [dataset:${name}]\`, then \`sluice data add ${name}\``;
}

/** What brings a file of git back. */
export function restoring(path: string): string {
  return `git restore ${/^[\w./][\w./-]*$/.test(path) ? path : `-- ${quoted(path)}`}`;
}

/** What a dataset may be called that stands at a path. */
export function datasetName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/(?<=.)\..*$/, "");
  return name.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "data";
}

/** A path with the same last part: the most common slip is the directory. */
function sameName(path: string, candidates: readonly string[]): string | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return candidates.find((candidate) => candidate.slice(candidate.lastIndexOf("/") + 1) === name);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A name for bash in which nothing looks like anything else. */
function spelledOut(text: string): string {
  const escaped = text.replaceAll(/[\\']/g, "\\$&");
  return `$'${escaped.replaceAll(/[^ -~]/gu, (unit) => `\\U${(unit.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`)}'`;
}
