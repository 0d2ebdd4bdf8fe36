import type { View } from "../git/view.ts";
import { pinPathOf } from "../pipeline/pin-path.ts";
import { parsePin } from "../pipeline/dataset-pin.ts";
import type { Dataset } from "../pipeline/pipeline.ts";
import type { DatasetState } from "../pipeline/resolution.ts";
import type { OutputPin } from "../run/request.ts";

/** Finds what another pipeline wrote at a path, in its newest successful run. */
export type NewestOutput = (pipeline: string, path: string) => Promise<OutputPin | undefined>;

/**
 * What a commit says of a dataset: files of its own, a pin, or another pipeline's output as the ledger has it; nothing
 * on any disk is looked at.
 */
export async function datasetAtCommit(view: View, dataset: Dataset, newest?: NewestOutput): Promise<DatasetState> {
  if (dataset.kind === "output" && "run" in dataset.from && newest !== undefined) return newestOutput(dataset, newest);
  if (dataset.kind !== "path") {
    const what = dataset.kind === "dvc" ? "`dvc:` pointers" : "outputs of other pipelines";
    return {
      kind: "problem",
      message: `a service does not read ${what} in this version`,
      next: "keep the data in the repository, or pin it with `sluice data add`",
    };
  }
  const pinPath = pinPathOf(dataset);
  if (dataset.pin === null && (await standsIn(view, dataset.path))) return { kind: "git", path: dataset.path };
  const bytes = await view.read(pinPath);
  if (bytes === undefined) {
    if (dataset.optional) return { kind: "absent", path: dataset.path };
    return {
      kind: "problem",
      message: `\`${dataset.path}\` is not in git and has no pin`,
      next: `sluice data add ${dataset.name}, and commit ${pinPath}`,
    };
  }
  const pin = parsePin(new TextDecoder().decode(bytes));
  if (pin.kind === "refused")
    return { kind: "problem", message: `\`${pinPath}\`: ${pin.refusal}`, next: `sluice data update ${dataset.name}` };
  const { digest, size } = pin.value;
  return { kind: "ready", path: dataset.path, digest, size, tracked: false, uri: dataset.uri ?? pin.value.uri };
}

async function newestOutput(
  { pipeline, path, optional }: Extract<Dataset, { kind: "output" }>,
  newest: NewestOutput,
): Promise<DatasetState> {
  const pin = await newest(pipeline, path);
  if (pin !== undefined) return pinnedOutput(path, pin);
  if (optional) return { kind: "absent", path };
  return {
    kind: "problem",
    message: `no successful run of \`${pipeline}\` on the default branch wrote \`${path}\``,
    next: `let \`${pipeline}\` run first, or write \`optional: true\``,
  };
}

/** An output of a run, as a dataset that is there. */
export function pinnedOutput(path: string, { run, entry, digest, size }: OutputPin): DatasetState {
  return { kind: "ready", path, digest, size, tracked: false, uri: null, from: { run, entry } };
}

async function standsIn(view: View, path: string): Promise<boolean> {
  return (await view.files()).some((file) => file.path === path || file.path.startsWith(`${path}/`));
}
