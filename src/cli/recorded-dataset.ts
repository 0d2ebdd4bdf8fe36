import type { Digest } from "../identity/identity.ts";
import type { History } from "../index/history.ts";
import type { Dataset } from "../pipeline/pipeline.ts";
import type { DatasetState } from "../pipeline/resolution.ts";
import { fourCharacters } from "../report/words.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { Repository } from "./world.ts";

/** A run read the newest output that there was: it is looked for among so many before. */
const RUNS = 50;

interface Places {
  readonly repository: Pick<Repository, "measure">;
  readonly history: Pick<History, "runs" | "record">;
}

/** A dataset with the bytes that the run read, whatever the work tree pins now; undefined where the run read none. */
export async function recordedDataset(
  places: Places,
  { id, datasets }: Pick<RunRecord, "id" | "datasets">,
  dataset: Dataset,
): Promise<DatasetState | undefined> {
  const read = datasets.find(({ name }) => name === dataset.name);
  if (read === undefined) return undefined;
  const { path, digest, size, uri } = read;
  const there = await places.repository.measure(path);
  if (there?.digest === digest || (there === undefined && uri !== null))
    return { kind: "ready", path, digest, size, tracked: false, uri };
  const from = dataset.kind === "output" ? await writer(places.history, dataset, digest) : undefined;
  return {
    kind: "problem",
    message: `${there === undefined ? `nothing stands at \`${path}\`` : `\`${path}\` holds other bytes`}, and run ${fourCharacters(id)} read ${digest.slice(0, 19)}…`,
    next:
      from === undefined
        ? "put the data there as it was then"
        : `${there === undefined ? "" : "move it away, then "}sluice get ${from}:${path}`,
  };
}

/** The newest run that wrote these bytes. */
async function writer(
  history: Places["history"],
  { pipeline, path }: Extract<Dataset, { kind: "output" }>,
  digest: Digest,
): Promise<string | undefined> {
  for (const { id } of history.runs({ pipeline, limit: RUNS })) {
    const record = await history.record(id);
    const wrote = record?.steps.some(
      ({ outcome }) =>
        (outcome.kind === "succeeded" || outcome.kind === "cached") &&
        outcome.facts.outputs.some((output) => output.path === path && output.digest === digest),
    );
    if (wrote === true) return id;
  }
  return undefined;
}
