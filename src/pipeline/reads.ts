import { globOf } from "./glob.ts";
import { pinPathOf } from "./pin-path.ts";
import type { Input, Pipeline } from "./pipeline.ts";
import type { Resolution } from "./resolution.ts";

/** Where in a repository a plan looks: as long as nothing moves there, the plan stays as it is. */
export interface Reads {
  /** Files, and directories with all that is below them; `.` is the whole repository. */
  readonly places: readonly string[];
  readonly globs: readonly string[];
}

/** What the plan of a pipeline reads: files that it found, and where it looked for more. */
export function readsOf({
  file,
  resolution,
}: {
  readonly file: {
    readonly path: string;
    readonly parameterFiles: readonly { readonly path: string }[];
    readonly pipeline: Pick<Pipeline, "steps" | "datasets">;
  };
  readonly resolution: Pick<Resolution, "sources">;
}): Reads {
  const inputs = file.pipeline.steps.flatMap((step) => step.inputs);
  return {
    places: [
      file.path,
      ...file.parameterFiles.map(({ path }) => path),
      ...resolution.sources,
      ...inputs.flatMap((input) => placesOf(input, file.pipeline)),
    ],
    globs: inputs.flatMap((input) => (input.kind === "glob" ? [input.glob] : [])),
  };
}

/** Where an input is looked for, whatever is there now. */
function placesOf(input: Input, { datasets }: Pick<Pipeline, "datasets">): readonly string[] {
  if (input.kind === "path") return [input.path];
  if (input.kind !== "dataset") return [];
  const dataset = datasets.find(({ name }) => name === input.dataset);
  if (dataset?.kind === "path") return [dataset.path, pinPathOf(dataset)];
  // The ledger has the outputs of other pipelines.
  return dataset?.kind === "dvc" ? [dataset.file] : [];
}

/** Places that are kept; more of them are kept as the directories around them. */
const MOST_PLACES = 200;

/** All that several plans read, as a value of bounded size. */
export function allReads(all: readonly Reads[]): Reads {
  let places = new Set(all.flatMap((one) => one.places));
  while (places.size > MOST_PLACES) places = new Set([...places].map(above));
  return { places: [...places], globs: [...new Set(all.flatMap(({ globs }) => globs))] };
}

/** Whether one of these paths is where a plan looks. */
export function touches(moved: readonly string[], { places, globs }: Reads): boolean {
  const there = new Set(places);
  const matches = globs.map((glob) => globOf(glob));
  const within = (path: string): boolean => there.has(path) || (path !== "." && within(above(path)));
  return moved.some((path) => within(path) || matches.some((match) => match(path)));
}

function above(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "." : path.slice(0, at);
}
