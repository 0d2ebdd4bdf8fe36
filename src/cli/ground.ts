import type { PlannedPipeline, Project } from "../controller/project.ts";
import { SETTINGS_PATH } from "../controller/project.ts";
import type { Digest } from "../identity/identity.ts";
import { pinPathOf } from "../pipeline/pin-path.ts";
import { releaseName } from "../pipeline/release-name.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { DatasetState } from "../pipeline/resolution.ts";
import type { Repository, World } from "./world.ts";

export type Fact = readonly [path: string, digest: Digest, executable: boolean];

/**
 * Everything that an answer rested on. A plan is a pure function of it, so while all of it is unchanged the answer is
 * too, and neither parsing nor planning happens again. Disposable.
 */
export interface Ground {
  readonly ground: 1;
  readonly version: string;
  readonly platform: string;
  readonly request: string;
  /** Which files there are: git's listing of tracked and untracked ones. */
  readonly listing: string;
  /** Bytes that were read: definitions, sources, data, outputs in the work tree. */
  readonly facts: readonly Fact[];
  readonly trees: readonly (readonly [path: string, digest: Digest])[];
  /** Where the store is, relative to the root, and what stood in it. */
  readonly store: readonly [path: string, stamp: string];
}

/** What a plan read of its datasets; of a release there is nothing to read on this machine. */
export function datasetsOf({ datasets }: Pick<PlannedPipeline, "datasets">): readonly DatasetState[] {
  return [...datasets].flatMap(([name, state]) => (name.startsWith(releaseName("")) ? [] : [state]));
}

/** What an answer to `request` rests on now; undefined where any of it cannot be named. */
export async function groundOf(
  world: World,
  repository: Repository,
  found: {
    readonly project: Project;
    readonly sources: readonly string[];
    readonly outputs: readonly Fact[];
    readonly datasets: readonly DatasetState[];
    readonly request: string;
  },
): Promise<Ground | undefined> {
  const { project, outputs, datasets, request } = found;
  const facts: Fact[] = [];
  for (const path of new Set([...definitions(project), ...found.sources])) {
    const now = repository.digests.digest(repository.workTree.absolute(path));
    if (now !== undefined) facts.push([path, now.digest, now.executable]);
    else if (path !== SETTINGS_PATH && !path.startsWith("datasets/")) return undefined;
  }
  const trees: (readonly [string, Digest])[] = [];
  for (const state of datasets) {
    if (state.kind === "ready") trees.push([state.path, state.digest]);
    else if (state.kind !== "git") return undefined;
  }
  const { path } = project.settings.store;
  const stamp = repository.storeStamp(path);
  if (stamp === undefined) return undefined;
  return {
    ground: 1,
    version: world.version,
    platform: world.config.platform,
    request,
    listing: await repository.git.listingStamp(),
    facts: [...facts, ...outputs],
    trees,
    store: [path, stamp],
  };
}

/** True while nothing of what an answer rested on has changed. */
export async function stands(
  world: World,
  repository: Repository,
  { ground, request }: { readonly ground: Ground; readonly request: string },
): Promise<boolean> {
  const { version, platform, store } = ground;
  if (version !== world.version || platform !== world.config.platform || ground.request !== request) return false;
  // Git looks while the files are looked at here.
  const listing = repository.git.listingStamp();
  const same =
    repository.storeStamp(store[0]) === store[1] &&
    ground.facts.every(([path, digest, executable]) => {
      const now = repository.digests.digest(repository.workTree.absolute(path));
      return now?.digest === digest && now.executable === executable;
    }) &&
    (await allSame(repository, ground.trees));
  return (await listing) === ground.listing && same;
}

async function allSame(repository: Repository, trees: Ground["trees"]): Promise<boolean> {
  for (const [path, digest] of trees) if ((await repository.measure(path))?.digest !== digest) return false;
  return true;
}

function definitions(project: Project): readonly string[] {
  return [
    SETTINGS_PATH,
    ...project.tree.files.flatMap(({ path, kind }) =>
      path.endsWith(".gitattributes") && (kind === "file" || kind === "executable") ? [path] : [],
    ),
    ...project.pipelines.flatMap((file) => [
      file.path,
      ...file.parameterFiles.map((one) => one.path),
      ...pins(file.pipeline),
    ]),
  ];
}

/** Files that say which bytes a pipeline's datasets have. */
export function pins(pipeline: Pipeline): readonly string[] {
  return pipeline.datasets.flatMap((dataset) => {
    if (dataset.kind === "dvc") return [dataset.file];
    return dataset.kind === "path" ? [pinPathOf(dataset)] : [];
  });
}
