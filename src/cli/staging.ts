import { join } from "node:path";

import type { StepContext } from "../controller/run-step/step-context.ts";
import type { StagedInput } from "../executor/executor.ts";
import type { KeyInput } from "../key/key-document.ts";
import { selectParameters } from "../pipeline/parameters.ts";
import type { Step } from "../pipeline/pipeline.ts";
import type { WorkStep } from "../plan/plan.ts";
import { pathsOf } from "../run/near-miss.ts";
import type { Failure } from "../run/run-record.ts";
import type { SecretValues } from "../run/secret-values.ts";
import { stageUpstream } from "../run/stage-upstream.ts";
import type { StepJob } from "../run/step-job.ts";
import type { Store } from "../store/store.ts";
import type { Runnable } from "./runnable.ts";
import type { Session } from "./session.ts";

/** As the ledger's trailer `Sluice-Trigger` spells it. */
type LocalTrigger = "local" | "deploy";

type Staging = Pick<StepContext, "stage" | "secrets" | "params" | "exists" | "changed">;

/** How the steps of one run get their inputs, parameters and secrets on this machine. */
export async function stagingOf(
  session: Session,
  {
    runnable,
    store,
    trigger = "local",
  }: { readonly runnable: Runnable; readonly store: Store; readonly trigger?: LocalTrigger },
): Promise<Staging> {
  const { project } = session;
  const params = (step: Step) =>
    selectParameters(
      runnable.params,
      step.params.map((param) => param.name),
    );
  return {
    params,
    secrets: (step) => secretsOf(session, { runnable, trigger }, step),
    exists: pathsOf(runnable.order.steps, (path) => project.tree.get(path) !== undefined, {
      datasets: runnable.file.pipeline.datasets,
      isIgnored: (path) => project.tree.below(path).length === 0 && project.tree.aside(path) === "ignored",
    }),
    async stage(job) {
      const moved = await changedLock(session, job);
      if (moved !== undefined) return moved;
      const staged: StagedInput[] = [];
      for (const input of job.step.inputs) {
        const found =
          input.kind === "output"
            ? stageUpstream(input, job.upstream(input.step), (digest) => store.listingSync(digest))
            : input.kind === "dataset"
              ? await fromDataset(session, runnable, input.entry)
              : await fromSources(session, runnable, input);
        if (!Array.isArray(found)) return found;
        staged.push(...(found as readonly StagedInput[]));
      }
      const files = await parameterFiles(runnable, job.step.step);
      const taken = new Set(files.map((file) => file.path));
      return [...staged.filter((input) => !taken.has(input.path)), ...files];
    },
    changed: (job) => changedSource(session, runnable, job),
  };
}

/** The lock file that the key names must still be the one that stands there. */
async function changedLock(session: Session, job: StepJob): Promise<Failure | undefined> {
  const { environment } = job.step.step;
  const declared = job.document.environment?.lock ?? null;
  if (declared === null || !("lock" in environment) || environment.lock === null) return undefined;
  const now = (await session.project.view.facts([environment.lock])).get(environment.lock)?.digest;
  return now === declared ? undefined : movedOn(environment.lock);
}

function movedOn(path: string): Failure {
  return {
    kind: "refused",
    why: `\`${path}\` changed after the run was planned`,
    next: "`sluice run`, which plans with what stands there now",
  };
}

/** The parameters file at its own path and format, reduced to what the step declares. */
async function parameterFiles(runnable: Runnable, step: Step): Promise<readonly StagedInput[]> {
  if (step.params.length === 0 || runnable.file.parameterFiles.length === 0) return [];
  const { reduceParameterFile } = await import("../pipeline/read-parameters.ts");
  const names = step.params.map((param) => param.name);
  return runnable.file.parameterFiles.map((source) => ({
    kind: "bytes" as const,
    path: source.path,
    bytes: reduceParameterFile(source, names, runnable.params),
    executable: false,
  }));
}

async function fromSources(
  session: Session,
  runnable: Runnable,
  input: Extract<WorkStep["inputs"][number], { kind: "source" }>,
): Promise<readonly StagedInput[] | Failure> {
  const staged: StagedInput[] = [];
  const facts = await session.project.view.facts(input.files);
  for (const path of input.files) {
    const source = await session.project.view.source(path);
    const fact = facts.get(path);
    if (source === undefined || fact === undefined)
      return { kind: "lost", why: `\`${path}\` is gone from the work tree` };
    if (fact.digest !== runnable.sources.get(path)?.digest) return movedOn(path);
    if (source.kind === "pointer")
      return {
        kind: "refused",
        why: `\`${path}\` is a Git-LFS pointer, and its object is not here`,
        next: "`git lfs pull`, then `sluice run`",
      };
    if (source.kind === "link") staged.push({ kind: "link", path, target: source.target });
    else
      staged.push(
        source.kind === "file"
          ? { kind: "file", path, source: source.source, executable: fact.executable, digest: fact.digest }
          : { kind: "bytes", path, bytes: source.bytes, executable: fact.executable },
      );
  }
  return staged;
}

/** Bytes in place are used in place; what is not there is fetched to its place first. */
async function fromDataset(
  session: Session,
  runnable: Runnable,
  entry: KeyInput,
): Promise<readonly StagedInput[] | Failure> {
  const { repository } = session;
  const state = [...runnable.datasets.values()].find(
    (candidate) => candidate.kind === "ready" && candidate.path === entry.path,
  );
  if (state?.kind !== "ready") return { kind: "lost", why: `dataset \`${entry.path}\` is gone` };
  // Of a release: it stands in the store and nowhere else.
  if (state.from !== undefined)
    return [{ kind: "store", path: state.path, entry: state.from.entry, digest: state.digest }];
  if ((await repository.measure(state.path)) === undefined && state.uri !== null) {
    const fetched = await repository.fetch(
      { path: state.path, uri: state.uri, digest: state.digest },
      session.world.terminal.interrupted,
    );
    if (fetched.kind === "refused") return { kind: "refused", why: fetched.refusal.why, next: fetched.refusal.next };
  }
  return [{ kind: "in-place", path: state.path, source: join(repository.git.root, state.path) }];
}

/** After a step: inputs of the work tree must still be what its key says, else its result would lie. */
async function changedSource(session: Session, runnable: Runnable, job: StepJob): Promise<Failure | undefined> {
  const files = job.step.inputs.flatMap((input) => (input.kind === "source" ? input.files : []));
  const facts = await session.project.view.facts(files);
  const other = files.find((path) => facts.get(path)?.digest !== runnable.sources.get(path)?.digest);
  if (other !== undefined) return movedOn(other);
  for (const input of job.step.inputs) {
    if (input.kind !== "dataset" || isReleased(runnable, input.name)) continue;
    const now = await session.repository.measure(input.entry.path);
    if (now?.digest !== input.entry.digest)
      return { kind: "changed-dataset", dataset: input.name, path: input.entry.path };
  }
  return undefined;
}

function isReleased({ datasets }: Runnable, name: string): boolean {
  const state = datasets.get(name);
  return state?.kind === "ready" && state.from !== undefined;
}

/** Grants are read from the settings; sources other than `env:` belong to an operator. */
function secretsOf(
  session: Session,
  { runnable, trigger }: { readonly runnable: Runnable; readonly trigger: LocalTrigger },
  step: Step,
): SecretValues {
  const values: Record<string, string> = {};
  for (const { name } of step.secrets) {
    const grant = session.project.settings.secrets.find(
      (one) =>
        one.name === name &&
        (one.pipelines === null || one.pipelines.includes(runnable.order.pipeline.name)) &&
        (one.steps === null || one.steps.includes(step.name)) &&
        (one.on === null || one.on.includes(trigger) || (trigger === "local" && one.on.includes("command"))),
    );
    if (grant === undefined) {
      return refusedSecret({
        kind: "refused",
        why: `secret \`${name}\` is not granted to \`${step.name}\``,
        next: `add to sluice.yaml: secrets: { ${name}: { from: "env:${name}", pipelines: [${runnable.order.pipeline.name}], steps: [${step.name}], on: [${trigger}] } }`,
      });
    }
    const variable = /^env:(\w+)$/.exec(grant.from)?.[1];
    const value = variable === undefined ? undefined : session.world.config.variable(variable);
    if (value === undefined)
      return refusedSecret({
        kind: "refused",
        why: `secret \`${name}\` comes from \`${grant.from}\`, which is not set here`,
        next: variable === undefined ? "use `env:NAME` on a laptop" : `export ${variable}=…`,
      });
    values[name] = value;
  }
  return { kind: "ok", values };
}

function refusedSecret(failure: Failure): SecretValues {
  return { kind: "refused", failure };
}
