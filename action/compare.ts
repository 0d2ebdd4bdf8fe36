import { planPipelines, NO_PAST } from "../src/controller/plan-pipelines.ts";
import { datasetAtCommit } from "../src/controller/dataset-at-commit.ts";
import type { PipelineFile, PlannedPipeline, Project } from "../src/controller/project.ts";
import { readProject } from "../src/controller/read-project.ts";
import { commitView } from "../src/git/commit-view.ts";
import type { Git } from "../src/git/git.ts";
import { digestOf, type BlobId, type CommitSha, type Digest, type RunId } from "../src/identity/identity.ts";
import { concreteDocument } from "../src/key/concrete.ts";
import { keyOf, type KeyDocument, type StepResult } from "../src/key/key-document.ts";
import { forecast } from "../src/plan/forecast.ts";
import type { Facts, PastStep, WorkOrder } from "../src/plan/plan.ts";

/** Services run on this unless their operator says otherwise. */
const PLATFORM = "linux-x64";
const OPTIONS = { forced: new Set<string>(), withEffects: false };

/** A commit's project, read from git alone. */
export async function projectAt(git: Git, commit: CommitSha): Promise<Project> {
  const blobs = new Map<BlobId, { readonly digest: Digest; readonly size: number }>();
  const view = commitView(git, commit, {
    get: (id) => blobs.get(id),
    set: (id, digest, size) => void blobs.set(id, { digest, size }),
  });
  return readProject({ cache: { get: () => undefined, set: () => undefined, save: () => undefined } }, view);
}

/**
 * Plans a project against another one, without any results at hand: what the base would run stands as done, so that
 * exactly the steps that the change touches run, and what hangs on them depends.
 */
export async function planAgainst(
  { head, base }: { readonly head: Project; readonly base: Project | null },
  pipelines: readonly PipelineFile[],
): Promise<readonly PlannedPipeline[]> {
  const ids = new Set(pipelines.flatMap(({ pipeline }) => [pipeline.id, ...pipeline.was]));
  const before =
    base === null
      ? []
      : await plan(
          base,
          base.pipelines.filter((file) => ids.has(file.pipeline.id)),
        );
  const after = await plan(head, pipelines);
  return after.map((one) => {
    if (one.order === null) return one;
    const { pipeline } = one.file;
    const old = before.find(({ file }) => file.pipeline.id === pipeline.id || pipeline.was.includes(file.pipeline.id));
    const facts = factsOf(old?.order ?? null);
    return { ...one, facts, forecast: forecast(one.order, facts, OPTIONS) };
  });
}

function plan(project: Project, pipelines: readonly PipelineFile[]): Promise<readonly PlannedPipeline[]> {
  return planPipelines(
    {
      reader: { result: () => undefined, evicted: () => false, catchUp: async () => false },
      listing: () => undefined,
      datasets: (dataset, view) => datasetAtCommit(view, dataset),
      past: () => Promise.resolve(NO_PAST),
    },
    { project, pipelines },
    { platform: PLATFORM, accelerator: null, overrides: {}, ...OPTIONS },
  );
}

/** Every step of an order taken for done, with outputs named after the step's key: equal keys have equal outputs. */
function factsOf(order: WorkOrder | null): Facts {
  const byKey = new Map<Digest, StepResult>();
  const byStep = new Map<string, StepResult>();
  const past: PastStep[] = [];
  const part: Facts["part"] = (directory, path) => ({ kind: "file", digest: digestOf(`${directory}/${path}`) });
  for (const step of order?.steps ?? []) {
    const document = concreteDocument(step.document, step.inputs, { result: (name) => byStep.get(name), part });
    const key = keyOf(document ?? step.document);
    past.push({ name: step.name, id: step.id, key, document: document ?? step.document, result: null });
    if (document === undefined) continue;
    const result = standIn(key, document);
    byKey.set(key, result);
    byStep.set(step.name, result);
  }
  return {
    result: (key) => byKey.get(key),
    evicted: () => false,
    previous: () => past,
    part,
    durations: () => [],
  };
}

function standIn(key: Digest, document: KeyDocument): StepResult {
  const files = [...document.metrics, ...document.plots].map((path) => ({ path, kind: "file" as const }));
  const outputs = [...document.outputs, ...files].map(({ path, kind }) => ({
    path,
    kind: kind === "directory" ? ("directory" as const) : ("file" as const),
    digest: digestOf(`${key}/${path}`),
    size: 0,
    files: 1,
  }));
  return {
    result: 1,
    key,
    facts: { outputs, metrics: {} },
    made: {
      // Shown as `base` and by no other name.
      run: "base" as RunId,
      step: "",
      attempt: 1,
      domain: "local",
      isolation: "workspace",
      network: false,
      secrets: false,
      finishedAt: "",
      profile: { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
      log: null,
    },
  };
}
