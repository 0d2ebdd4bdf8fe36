import type { StagedInput } from "../executor/executor.ts";
import type { View } from "../git/view.ts";
import type { Digest } from "../identity/identity.ts";
import type { DatasetState } from "../pipeline/resolution.ts";
import { selectParameters } from "../pipeline/parameters.ts";
import { reduceParameterFile } from "../pipeline/read-parameters.ts";
import type { WorkStep } from "../plan/plan.ts";
import type { Failure } from "../run/run-record.ts";
import type { StepJob } from "../run/step-job.ts";
import { stageUpstream } from "../run/stage-upstream.ts";
import type { Store } from "../store/store.ts";
import type { PlannedPipeline } from "./project.ts";

interface StagingPorts {
  readonly store: Store;
  readonly view: View;
  /** Brings a pinned dataset into the store, from where its `uri` says and the operator allows. */
  readonly bringDataset: (uri: string, digest: Digest) => Promise<Brought>;
}

export type Brought =
  | { readonly kind: "ok"; readonly entry: "file" | "directory" }
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/**
 * Everything that an attempt reads, as a worker finds it: bytes of the commit go into the store first, because workers
 * reach nothing but queue and store (SEMANTICS §13).
 */
export async function stageCommit(
  ports: StagingPorts,
  planned: PlannedPipeline,
  job: StepJob,
): Promise<readonly StagedInput[] | Failure> {
  const staged: StagedInput[] = [];
  const lost = await keepLock(ports, job);
  if (lost !== undefined) return lost;
  for (const input of job.step.inputs) {
    if (input.kind === "output") {
      const found = await fromUpstream(ports.store, input, job);
      if ("kind" in found) return found;
      staged.push(...found);
    } else if (input.kind === "source") {
      const found = await fromCommit(ports, input);
      if ("kind" in found) return found;
      staged.push(...found);
    } else {
      const found = await fromDataset(ports, input.name, planned.datasets.get(input.name));
      if (found.kind !== "store") return found;
      staged.push(found);
    }
  }
  const files = parameterFiles(planned, job.step);
  const taken = new Set(files.map((file) => file.path));
  return [...staged.filter((input) => !taken.has(input.path)), ...files];
}

/** What is in the store already is taken from there, whoever brought it. */
async function fromDataset(
  { bringDataset }: Pick<StagingPorts, "bringDataset">,
  name: string,
  state: DatasetState | undefined,
): Promise<Extract<StagedInput, { kind: "store" }> | Extract<Failure, { kind: "refused" }>> {
  if (state?.kind !== "ready" || (state.from === undefined && state.uri === null))
    return {
      kind: "refused",
      why: `dataset \`${name}\` is not in the repository, and no uri says where it can be had`,
      next: "keep it in the repository, or give it an `s3:` uri and a pin: sluice data add " + name,
    };
  const { path, digest, from, uri } = state;
  if (from !== undefined) return { kind: "store", path, entry: from.entry, digest };
  const brought = await bringDataset(uri ?? "", digest);
  if (brought.kind === "refused") return { ...brought, why: `dataset \`${name}\`: ${brought.why}` };
  return { kind: "store", path, entry: brought.entry, digest };
}

/** Listings of what other workers wrote are brought here before they are read. */
async function fromUpstream(
  store: Store,
  input: Extract<WorkStep["inputs"][number], { kind: "output" }>,
  job: StepJob,
): Promise<readonly StagedInput[] | Extract<Failure, { kind: "lost" }>> {
  const upstream = job.upstream(input.step);
  for (const output of upstream?.facts.outputs ?? [])
    if (output.kind === "directory") await store.listing(output.digest);
  return stageUpstream(input, upstream, (digest) => store.listingSync(digest));
}

/** Workers build the environment from its lock, which they find in the store by the digest that the key names. */
async function keepLock(
  { store, view }: { readonly store: Store; readonly view: View },
  { step: { step }, document }: StepJob,
): Promise<Extract<Failure, { kind: "lost" }> | undefined> {
  const digest = document.environment?.lock ?? null;
  if (digest === null || (await store.has(digest)) || !("lock" in step.environment)) return undefined;
  const path = step.environment.lock ?? "";
  const source = await view.source(path);
  if (source?.kind !== "bytes") return { kind: "lost", why: `the bytes of \`${path}\` are not in the commit` };
  await store.putBytes(source.bytes);
  return undefined;
}

async function fromCommit(
  { store, view }: { readonly store: Store; readonly view: View },
  input: Extract<WorkStep["inputs"][number], { kind: "source" }>,
): Promise<readonly StagedInput[] | Extract<Failure, { kind: "lost" | "refused" }>> {
  const facts = await view.facts(input.files);
  const staged: StagedInput[] = [];
  for (const path of input.files) {
    const fact = facts.get(path);
    if (fact === undefined) return { kind: "lost", why: `\`${path}\` is not in the commit` };
    if (fact.link !== undefined) {
      staged.push({ kind: "link", path, target: fact.link });
      continue;
    }
    if (!(await store.has(fact.digest))) {
      const source = await view.source(path);
      if (source?.kind === "pointer")
        return {
          kind: "refused",
          why: `\`${path}\` is a Git-LFS pointer, and objects of Git LFS are not in this version of the service`,
          next: "keep the file itself in git, or give it as a dataset",
        };
      if (source?.kind !== "bytes") return { kind: "lost", why: `the bytes of \`${path}\` are not in the commit` };
      await store.putBytes(source.bytes);
    }
    staged.push({ kind: "store", path, entry: fact.executable ? "executable" : "file", digest: fact.digest });
  }
  return staged;
}

/** The parameters file at its own path and format, reduced to what the step declares. */
function parameterFiles({ file, params }: PlannedPipeline, { step }: WorkStep): readonly StagedInput[] {
  if (step.params.length === 0) return [];
  const names = step.params.map((param) => param.name);
  return file.parameterFiles.map((source) => ({
    kind: "bytes" as const,
    path: source.path,
    bytes: reduceParameterFile(source, names, params),
    executable: false,
  }));
}

/** Declared values of a step, after overrides. */
export function paramsOf({ params }: PlannedPipeline, step: WorkStep["step"]): ReturnType<typeof selectParameters> {
  return selectParameters(
    params,
    step.params.map((param) => param.name),
  );
}
