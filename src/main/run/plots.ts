import { readPlot, type PlotData } from "../../diff/read-plot.ts";
import type { CommitSha, Digest, RunId } from "../../identity/identity.ts";
import type { At } from "../serve/at.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import type { Pipeline, Plot } from "../../pipeline/pipeline.ts";
import type { ShownPlot } from "../../report/plot-markdown.ts";
import type { RunRecord } from "../../run/run-record.ts";
import type { Store } from "../../store/store.ts";

/** Larger ones are fetched by whoever wants them. */
const LARGEST_BYTES = 1_000_000;

type Plots = ReadonlyMap<RunId, readonly ShownPlot[]>;

/** Plots of runs that succeeded, read from the store as the pipelines declare them. */
export async function plotsOf(
  { service }: At,
  { runs, pipelines }: { readonly runs: readonly RunRecord[]; readonly pipelines: readonly Pipeline[] },
): Promise<Plots> {
  const plots = new Map<RunId, readonly ShownPlot[]>();
  for (const run of runs) {
    const pipeline = pipelines.find(({ id }) => id === run.pipeline.id);
    if (pipeline === undefined || run.status !== "succeeded") continue;
    const declared = pipeline.steps.flatMap((step) => step.plots);
    plots.set(run.id, await Promise.all(declared.map((plot) => shownOf(service.parts.store, run, plot))));
  }
  return plots;
}

/** Plots of runs of one commit, whose files are parsed only where there is something to draw. */
export async function plotsAt(
  at: At,
  repository: ForgeRepository,
  { commit, runs }: { readonly commit: CommitSha; readonly runs: readonly RunRecord[] },
): Promise<Plots> {
  const drawn = runs.filter(
    ({ status, steps }) => status === "succeeded" && steps.some(({ document }) => (document?.plots.length ?? 0) > 0),
  );
  if (drawn.length === 0) return new Map();
  const { pipelines } = await repository.projectAt(commit);
  return plotsOf(at, { runs: drawn, pipelines: pipelines.map(({ pipeline }) => pipeline) });
}

async function shownOf(store: Store, run: RunRecord, plot: Plot): Promise<ShownPlot> {
  const series = plot.series.map(async ({ name, path }) => ({ name, path, data: await dataOf(store, run, path) }));
  return { plot, series: await Promise.all(series) };
}

async function dataOf(store: Store, run: RunRecord, path: string): Promise<PlotData | null> {
  const file = await fileOf(store, run, path);
  if (file === undefined || file.size > LARGEST_BYTES) return null;
  const bytes = await store.read(file.digest);
  const read = bytes === undefined ? undefined : await readPlot(path, bytes);
  return read?.kind === "ok" ? read.value : null;
}

/** An output of a run, or a file within one that is a directory. */
async function fileOf(
  store: Store,
  run: RunRecord,
  path: string,
): Promise<{ readonly digest: Digest; readonly size: number } | undefined> {
  for (const { outcome } of run.steps) {
    if (outcome.kind !== "succeeded" && outcome.kind !== "cached") continue;
    for (const output of outcome.facts.outputs) {
      if (output.path === path && output.kind !== "directory") return output;
      if (output.kind !== "directory" || !path.startsWith(`${output.path}/`)) continue;
      const inner = path.slice(output.path.length + 1);
      const entry = (await store.listing(output.digest))?.find((one) => one.path === inner);
      if (entry !== undefined && "digest" in entry) return entry;
    }
  }
  return undefined;
}
