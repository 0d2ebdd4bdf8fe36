import type { Json, JsonObject } from "../identity/canonical-json.ts";
import type { Digest } from "../identity/identity.ts";
import type { ListingEntry, StepResult } from "../key/key-document.ts";
import { partOfListing } from "../key/listing-part.ts";
import { releasedPaths } from "../pipeline/deploy-pipeline.ts";
import { releaseName } from "../pipeline/release-name.ts";
import type { Dataset, Pipeline } from "../pipeline/pipeline.ts";
import type { DatasetState, Resolution } from "../pipeline/resolution.ts";
import { forecast } from "../plan/forecast.ts";
import type { Facts, PastStep, WorkOrder } from "../plan/plan.ts";
import { NO_MEMORY, type OrderMemory } from "../plan/order-memory.ts";
import type { WorkOrderOptions } from "../plan/work-order.ts";
import { isError } from "../problem/problem.ts";
import type { FileFacts, View } from "../git/view.ts";
import { settled, type ResultReader } from "../store/store.ts";
import { handWrittenLocks, looseLocks, withLooseLocks } from "../plan/loose-locks.ts";
import { pointerWarnings, stepReads } from "../plan/pointer-warnings.ts";
import type { PipelineFile, PlannedPipeline, Project } from "./project.ts";

export interface PlanPorts {
  readonly reader: ResultReader;
  /** Entries of a stored directory, read at once. */
  readonly listing: (digest: Digest) => readonly ListingEntry[] | undefined;
  readonly datasets: (dataset: Dataset, view: View) => Promise<DatasetState>;
  /** An artifact of the run that is being released; without it nothing is, and deploy pipelines are only shown. */
  readonly release?: (path: string) => Promise<DatasetState>;
  /** The run that causes are told against, and how long steps took; asked only when something is to run. */
  readonly past: (pipeline: Pipeline) => Promise<Past>;
  /** What was made of the same pipelines before. */
  readonly memory?: OrderMemory;
}

export interface Past {
  readonly steps: readonly PastStep[];
  readonly durations: (step: string) => readonly number[];
}

export const NO_PAST: Past = { steps: [], durations: () => [] };

export interface PlanOptions extends WorkOrderOptions {
  readonly forced: ReadonlySet<string>;
  readonly withEffects: boolean;
  /** `--param k=v`. */
  readonly overrides: JsonObject;
  /** The pool whose results forecasts read, where it is none that steps ask for. */
  readonly judgedOn?: string | null;
  /** Which work orders get a forecast; all of them where nothing is said. */
  readonly judged?: (order: WorkOrder) => boolean;
}

/** Says of every given pipeline what it would run and why. */
export async function planPipelines(
  ports: PlanPorts,
  { project, pipelines }: { readonly project: Project; readonly pipelines: readonly PipelineFile[] },
  options: PlanOptions,
): Promise<readonly PlannedPipeline[]> {
  const resolved = await Promise.all(pipelines.map((file) => resolveOne(ports, { project, file }, options)));
  const paths = new Set(resolved.flatMap(({ resolution }) => resolution.sources));
  const sources = await project.view.facts([...paths]);
  const planned: PlannedPipeline[] = [];
  for (const one of resolved) planned.push(await planOne(ports, { ...one, sources }, options));
  return warnOfPointers(project.view, await warnOfLocks(project.view, planned));
}

/** Says which locks leave open what is installed, and counts their steps as not pinned. */
async function warnOfLocks(view: View, planned: readonly PlannedPipeline[]): Promise<readonly PlannedPipeline[]> {
  const paths = new Set(planned.flatMap(({ file }) => handWrittenLocks(file.pipeline)));
  const texts = new Map<string, string>();
  for (const path of paths) {
    const bytes = await view.read(path);
    if (bytes !== undefined) texts.set(path, Buffer.from(bytes).toString("utf8"));
  }
  if (texts.size === 0) return planned;
  return planned.map((one) => {
    const { locks, problems } = looseLocks(one.file.pipeline, (path) => texts.get(path));
    if (locks.size === 0) return one;
    const order = one.order === null ? null : withLooseLocks(one.order, locks);
    return { ...one, order, problems: [...one.problems, ...problems] };
  });
}

/** Says which of the inputs are Git-LFS pointers, which is asked once for all pipelines. */
async function warnOfPointers(view: View, planned: readonly PlannedPipeline[]): Promise<readonly PlannedPipeline[]> {
  const read = planned.map((one) => ({ one, reads: stepReads(one.order, one.forecast) }));
  const paths = new Set(read.flatMap(({ reads }) => reads.flatMap(({ files }) => files)));
  const pointers = paths.size === 0 ? undefined : await view.pointers?.([...paths]);
  if (pointers === undefined || pointers.size === 0) return planned;
  return read.map(({ one, reads }) => {
    const warnings = pointerWarnings(one.file.pipeline, reads, { pointers, at: view.kind });
    return warnings.length === 0 ? one : { ...one, problems: [...one.problems, ...warnings] };
  });
}

interface Resolved {
  readonly file: PipelineFile;
  readonly params: JsonObject;
  readonly datasets: ReadonlyMap<string, DatasetState>;
  readonly resolution: Resolution;
}

async function resolveOne(
  ports: PlanPorts,
  { project, file }: { readonly project: Project; readonly file: PipelineFile },
  options: PlanOptions,
): Promise<Resolved> {
  const params = overridden(file.params, options.overrides);
  const states = await Promise.all(
    file.pipeline.datasets.map(async (dataset): Promise<[string, DatasetState]> => [
      dataset.name,
      await ports.datasets(dataset, project.view),
    ]),
  );
  const released = file.deploys.length === 0 ? [] : releasedPaths(file.pipeline);
  for (const path of released)
    states.push([releaseName(path), (await ports.release?.(path)) ?? { kind: "absent", path }]);
  const datasets = new Map(states);
  const resolution = (ports.memory ?? NO_MEMORY).resolve({
    pipeline: file.pipeline,
    tree: project.tree,
    params,
    datasets,
  });
  return { file, params, datasets, resolution };
}

async function planOne(
  ports: PlanPorts,
  resolved: Resolved & { readonly sources: ReadonlyMap<string, FileFacts> },
  options: PlanOptions,
): Promise<PlannedPipeline> {
  const { resolution, file } = resolved;
  const problems = resolution.problems;
  const gone = new Set<Digest>();
  const facts = factsOf(ports, NO_PAST, gone);
  const none = { ...resolved, problems, facts, order: null, forecast: null };
  if (problems.some(isError)) return none;
  const order = orderOf(ports, resolved, options);
  if (options.judged?.(order) === false) return { ...none, order };
  const deploys = file.deploys.length > 0;
  const judging = {
    ...options,
    deploys,
    withEffects: options.withEffects && (!deploys || ports.release !== undefined),
  };
  const first = await settled(ports.reader, () => whileNoneGoes(gone, () => forecast(order, facts, judging)));
  if (first.steps.every(({ verdict }) => verdict.kind === "cached")) return { ...none, order, forecast: first };
  // Only a plan with work asks why and how long: history is opened for it, and the forecast made again.
  const known = factsOf(ports, await ports.past(file.pipeline), gone);
  const told = await settled(ports.reader, () => forecast(order, known, { ...judging, earlier: first }));
  return { ...none, facts: known, order, forecast: told };
}

/** What is found gone only by a step that reads it must run, with all that was judged by it. */
function whileNoneGoes<T>(gone: ReadonlySet<Digest>, answer: () => T): T {
  for (;;) {
    const before = gone.size;
    const given = answer();
    if (gone.size === before) return given;
  }
}

/** A digest that is compared with the merge says what the steps ask for, wherever they are judged. */
function orderOf(
  { memory = NO_MEMORY }: PlanPorts,
  { resolution, sources }: Resolved & { readonly sources: ReadonlyMap<string, FileFacts> },
  options: PlanOptions,
): WorkOrder {
  const asked = memory.order(resolution, (path) => sources.get(path), options);
  const pool = options.judgedOn ?? null;
  if (pool === null) return asked;
  return { ...memory.order(resolution, (path) => sources.get(path), { ...options, pool }), digest: asked.digest };
}

/** What has lost the listing of a directory, of which a part is asked for, counts as evicted. */
function factsOf(ports: PlanPorts, past: Past, gone: Set<Digest>): Facts {
  const isGone = ({ facts }: StepResult): boolean => gone.size > 0 && facts.outputs.some((one) => gone.has(one.digest));
  return {
    result(key) {
      const result = ports.reader.result(key);
      return result === undefined || isGone(result) ? undefined : result;
    },
    evicted(key) {
      const result = ports.reader.result(key);
      return result === undefined ? ports.reader.evicted(key) : isGone(result);
    },
    previous: () => past.steps,
    durations: (step) => past.durations(step),
    part: (directory, path) => {
      const listing = ports.listing(directory);
      if (listing !== undefined) return partOfListing(listing, path);
      gone.add(directory);
      return { kind: "unreadable" };
    },
  };
}

/** Replaces dotted names by the values of `--param`. */
function overridden(params: JsonObject, overrides: JsonObject): JsonObject {
  let result: Json = params;
  for (const [name, value] of Object.entries(overrides)) result = replaced(result, name.split("."), value);
  return result as JsonObject;
}

function replaced(object: Json, path: readonly string[], value: Json): Json {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  const members = typeof object === "object" && object !== null && !Array.isArray(object) ? (object as JsonObject) : {};
  return { ...members, [head]: replaced(members[head] ?? {}, rest, value) };
}
