import { digestOf, type Digest } from "../identity/identity.ts";
import type { Project } from "../controller/project.ts";
import type { OutputRecord } from "../key/key-document.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Store } from "../store/store.ts";
import { SETTINGS_PATH } from "../controller/project.ts";
import type { Runnable } from "./runnable.ts";
import type { Repository, World } from "./world.ts";

type Fact = readonly [path: string, digest: Digest, executable: boolean];

/**
 * Everything that "nothing to do" rested on. A plan is a pure function of it, so while all of it is unchanged the
 * answer is too, and neither parsing nor planning happens again. Disposable.
 */
interface Proof {
  readonly proof: 1;
  readonly version: string;
  readonly platform: string;
  readonly request: string;
  /** Which files there are: git's listing of tracked and untracked ones. */
  readonly listing: Digest;
  /** Bytes that were read: definitions, sources, data, outputs in the work tree. */
  readonly facts: readonly Fact[];
  readonly trees: readonly (readonly [path: string, digest: Digest])[];
  readonly store: string;
  readonly steps: number;
}

const PATH = "up-to-date.json";

/** The number of steps when the last "nothing to do" still holds; undefined when it must be found out. */
export async function provenUpToDate(
  world: World,
  repository: Repository,
  request: string,
): Promise<number | undefined> {
  const text = repository.readCache(PATH);
  if (text === undefined) return undefined;
  const proof = parse(text);
  if (proof?.version !== world.version || proof.platform !== world.config.platform || proof.request !== request)
    return undefined;
  const listing = repository.git.listingDigest();
  const same =
    proof.store === repository.storeStamp() &&
    proof.facts.every(([path, digest, executable]) => {
      const now = repository.digests.digest(repository.workTree.absolute(path));
      return now?.digest === digest && now.executable === executable;
    }) &&
    (await allSame(repository, proof.trees));
  return (await listing) === proof.listing && same ? proof.steps : undefined;
}

function parse(text: string): Proof | undefined {
  try {
    const proof = JSON.parse(text) as Proof;
    return proof.proof === 1 ? proof : undefined;
  } catch {
    return undefined;
  }
}

async function allSame(repository: Repository, trees: Proof["trees"]): Promise<boolean> {
  for (const [path, digest] of trees) if ((await repository.measure(path))?.digest !== digest) return false;
  return true;
}

/** Keeps what "nothing to do" rested on; nothing is kept where any of it cannot be named. */
export async function proveUpToDate(
  world: World,
  repository: Repository,
  found: {
    readonly project: Project;
    readonly store: Store;
    readonly runnable: readonly Runnable[];
    readonly request: string;
  },
): Promise<void> {
  const { project, runnable, store } = found;
  const paths = new Set([...definitions(project), ...runnable.flatMap((one) => one.resolution.sources)]);
  const facts: Fact[] = [];
  for (const path of paths) {
    const now = repository.digests.digest(repository.workTree.absolute(path));
    if (now === undefined) {
      if (path === SETTINGS_PATH || path.startsWith("datasets/")) continue;
      return;
    }
    facts.push([path, now.digest, now.executable]);
  }
  for (const output of outputsOf(runnable)) {
    const files = await filesOf(store, output);
    if (files === undefined) return;
    facts.push(...files);
  }
  const trees: (readonly [string, Digest])[] = [];
  for (const state of runnable.flatMap((one) => [...one.datasets.values()])) {
    if (state.kind === "ready") trees.push([state.path, state.digest]);
    else if (state.kind !== "git") return;
  }
  const proof: Proof = {
    proof: 1,
    version: world.version,
    platform: world.config.platform,
    request: found.request,
    listing: await repository.git.listingDigest(),
    facts,
    trees,
    store: repository.storeStamp(),
    steps: runnable.reduce((sum, one) => sum + one.order.steps.length, 0),
  };
  repository.writeCache(PATH, JSON.stringify(proof));
}

function definitions(project: Project): readonly string[] {
  return [
    SETTINGS_PATH,
    ...project.pipelines.flatMap((file) => [
      file.path,
      ...file.parameterFiles.map((one) => one.path),
      ...pins(file.pipeline),
    ]),
  ];
}

function pins(pipeline: Pipeline): readonly string[] {
  return pipeline.datasets.flatMap((dataset) => {
    if (dataset.kind === "dvc") return [dataset.file];
    return dataset.kind === "path" ? [dataset.pin ?? `datasets/${dataset.name}.yaml`] : [];
  });
}

function outputsOf(runnable: readonly Runnable[]): readonly OutputRecord[] {
  return runnable.flatMap((one) =>
    one.forecast.steps.flatMap(({ verdict }) => (verdict.kind === "cached" ? verdict.result.facts.outputs : [])),
  );
}

async function filesOf(store: Store, output: OutputRecord): Promise<readonly Fact[] | undefined> {
  if (output.kind !== "directory") return [[output.path, output.digest, output.kind === "executable"]];
  const listing = await store.listing(output.digest);
  return listing?.flatMap((entry): Fact[] =>
    "link" in entry ? [] : [[`${output.path}/${entry.path}`, entry.digest, entry.x]],
  );
}

/** What was asked for, as far as it changes the answer. */
export function requestDigest(names: readonly string[], checkout: boolean): string {
  return digestOf(JSON.stringify([names, checkout]));
}
