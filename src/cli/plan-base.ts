import { NO_PAST, planPipelines } from "../controller/plan-pipelines.ts";
import type { PlannedPipeline, Project } from "../controller/project.ts";
import { readProject } from "../controller/read-project.ts";
import { pastSteps } from "../plan/past-steps.ts";
import type { PastStep } from "../plan/plan.ts";
import { EXIT, Refusal } from "./exit.ts";
import { selectPipelines, type Session } from "./session.ts";

export interface Compared {
  readonly planned: readonly PlannedPipeline[];
  /** Pipelines that the base has and this tree has not. */
  readonly removed: readonly string[];
}

/** Plans the work tree with causes told against the same pipelines at another commit. */
export async function comparePlans(
  session: Session,
  { names, base }: { readonly names: readonly string[]; readonly base: string },
): Promise<Compared> {
  const { repository, project, world } = session;
  const commit = await repository.git.resolve(base);
  if (commit === undefined)
    throw new Refusal(EXIT.usage, `there is no commit ${base}\n  next: name a branch, a tag or a commit`);
  const store = await repository.store(project.settings);
  const reader = await store.reader("local");
  const options = {
    platform: world.config.platform,
    accelerator: null,
    forced: new Set<string>(),
    withEffects: false,
    overrides: {},
  };
  const shared = { reader, listing: (digest: Parameters<typeof store.listingSync>[0]) => store.listingSync(digest) };
  const old = await readProject({ cache: repository.cache }, repository.commit(commit));
  const before = await planPipelines(
    { ...shared, datasets: (dataset) => repository.dataset(dataset, old.tree), past: () => Promise.resolve(NO_PAST) },
    { project: old, pipelines: old.pipelines },
    options,
  );
  const history = await repository.history();
  const planned = await planPipelines(
    {
      ...shared,
      datasets: (dataset) => repository.dataset(dataset, project.tree),
      past: (pipeline) =>
        Promise.resolve({
          steps: pastOf(before.find((one) => one.file.pipeline.id === pipeline.id)),
          durations: (step: string) => history.durations(pipeline.id, step),
        }),
    },
    { project, pipelines: selectPipelines(project, names) },
    options,
  );
  return { planned, removed: names.length > 0 ? [] : removedSince(old, project) };
}

/** Names of pipelines that stand at the base alone; one that cannot be read now has not gone. */
function removedSince(old: Project, now: Project): readonly string[] {
  const kept = new Set(now.pipelines.flatMap(({ pipeline }) => [pipeline.id, ...pipeline.was]));
  const broken = new Set(now.broken);
  return old.pipelines.flatMap(({ pipeline, path }) =>
    kept.has(pipeline.id) || broken.has(path) ? [] : [pipeline.name],
  );
}

/** What the base would have run, in the place of what has run. */
function pastOf(base: PlannedPipeline | undefined): readonly PastStep[] {
  return base === undefined || base.order === null ? [] : pastSteps(base.order, base.forecast, base.facts);
}
