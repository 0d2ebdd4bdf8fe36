import { globOf } from "../pipeline/glob.ts";
import type { Input, Pipeline, Span, Step } from "../pipeline/pipeline.ts";
import type { Problem } from "../problem/problem.ts";
import type { Forecast, WorkOrder } from "./plan.ts";

/** Code of the warning that a step would read a Git-LFS pointer: it is told of every run that would be refused, new or not. */
export const POINTER = "lfs-pointer";

/** Where what is planned stands: objects of Git LFS can be fetched into a work tree. */
type Place = "work-tree" | "commit";

export interface StepReads {
  readonly step: Step;
  readonly files: readonly string[];
}

/** What is read from the repository by steps that are to run; nothing where that was not forecast. */
export function stepReads(order: WorkOrder | null, forecast: Forecast | null): readonly StepReads[] {
  const running = new Set(
    forecast?.steps.flatMap(({ step, verdict }) =>
      verdict.kind === "run" || verdict.kind === "depends" ? [step] : [],
    ),
  );
  return (order?.steps ?? []).flatMap(({ name, step, inputs }) =>
    running.has(name) ? [{ step, files: inputs.flatMap((input) => (input.kind === "source" ? input.files : [])) }] : [],
  );
}

/**
 * Warns of inputs that are Git-LFS pointers where steps are to read what they point to: their run would be refused. One for
 * each place that names pointers, however many files and steps there are.
 */
export function pointerWarnings(
  pipeline: Pipeline,
  reads: readonly StepReads[],
  { pointers, at }: { readonly pointers: ReadonlySet<string>; readonly at: Place },
): readonly Problem[] {
  const places = new Map<string, { readonly named: Span; readonly files: Set<string> }>();
  for (const { step, files } of reads)
    for (const path of files) {
      if (!pointers.has(path)) continue;
      const named = step.inputs.find((input) => names(input, pipeline, path))?.at ?? step.at;
      const place = places.get(named.join()) ?? { named, files: new Set() };
      places.set(named.join(), place);
      place.files.add(path);
    }
  return [...places.values()].map(({ named: [line, column, endLine, endColumn], files }) => ({
    severity: "warning",
    code: POINTER,
    at: { path: pipeline.path, line, column, end: { line: endLine, column: endColumn } },
    ...words(at, [...files]),
  }));
}

function names(input: Input, { datasets }: Pipeline, path: string): boolean {
  const under = (above: string): boolean => path === above || path.startsWith(`${above}/`);
  if (input.kind === "path") return under(input.path);
  if (input.kind === "glob") return globOf(input.glob)(path);
  if (input.kind !== "dataset") return false;
  return datasets.some((dataset) => dataset.name === input.dataset && dataset.kind === "path" && under(dataset.path));
}

function words(place: Place, [first = "", ...rest]: readonly string[]): Pick<Problem, "message" | "next"> {
  const [subject, object] =
    rest.length === 0
      ? [`\`${first}\` is a Git-LFS pointer`, "its object is"]
      : [`\`${first}\` and ${rest.length} more of these files are Git-LFS pointers`, "their objects are"];
  if (place === "work-tree")
    return { message: `${subject}, and ${object} not here: what reads it does not run`, next: "git lfs pull" };
  return {
    message: `${subject}, and objects of Git LFS are not in this version of the service: what reads it does not run`,
    next:
      rest.length === 0
        ? "keep the file itself in git, or give it as a dataset"
        : "keep the files themselves in git, or give them as a dataset",
  };
}
