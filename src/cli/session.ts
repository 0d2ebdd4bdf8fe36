import type { JsonObject } from "../identity/canonical-json.ts";
import { NO_PAST, planPipelines, type Past, type PlanPorts } from "../controller/plan-pipelines.ts";
import type { PipelineFile, Project, PlannedPipeline } from "../controller/project.ts";
import { readProject } from "../controller/read-project.ts";
import type { View } from "../git/view.ts";
import type { History } from "../index/history.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { isError, type Problem } from "../problem/problem.ts";
import { closest } from "../problem/suggest.ts";
import type { Store } from "../store/store.ts";
import { EXIT, Refusal } from "./exit.ts";
import { openRepository } from "./open-repository.ts";
import { unnamedVenv } from "./unnamed-venv.ts";
import type { Repository, World } from "./world.ts";

/** An open repository with what people wrote in it. */
export interface Session {
  readonly world: World;
  readonly repository: Repository;
  readonly project: Project;
}

export interface PlanRequest {
  /** Names of pipelines; all when empty. */
  readonly names: readonly string[];
  readonly forced: ReadonlySet<string>;
  readonly withEffects: boolean;
  readonly overrides: JsonObject;
  /** Artifacts of the run that is deployed; without it nothing is. */
  readonly release?: PlanPorts["release"];
}

export const PLAIN_REQUEST: PlanRequest = { names: [], forced: new Set(), withEffects: false, overrides: {} };

export async function openSession(world: World, opened?: Repository): Promise<Session> {
  const repository = opened ?? (await openRepository(world));
  const project = await readProject(repository, repository.view);
  return { world, repository, project };
}

/** The pipelines that a command names, or all; a name that is not there is a mistake of usage. */
export function selectPipelines(project: Project, names: readonly string[]): readonly PipelineFile[] {
  if (names.length === 0) return project.pipelines;
  return names.map((name) => {
    const found = project.pipelines.find(
      ({ pipeline, path }) => pipeline.name === name || pipeline.id === name || path === name,
    );
    if (found !== undefined) return found;
    const broken = project.broken.find((path) => path.includes(name));
    if (broken !== undefined) throw new Refusal(EXIT.bad, `${broken} has problems\n  next: sluice validate`);
    throw noPipeline(project, name);
  });
}

/** A name of no pipeline: one misspelt, or that of a step. */
export function noPipeline({ pipelines }: Pick<Project, "pipelines">, name: string): Refusal {
  const of = pipelines.find(({ pipeline }) => pipeline.steps.some((step) => step.name === name));
  if (of !== undefined)
    return new Refusal(
      EXIT.usage,
      `${name} is a step of the pipeline ${of.pipeline.name}\n  next: sluice run ${of.pipeline.name}, or with --force ${name} to compute it again`,
    );
  const known = pipelines.map((file) => file.pipeline.name);
  const meant = closest(name, known);
  return new Refusal(
    EXIT.usage,
    `there is no pipeline ${name}\n  next: ${meant === undefined ? `known: ${known.join(", ") || "none"}` : `did you mean ${meant}?`}`,
  );
}

/** Plans of the wanted pipelines in the session's view. */
export async function planSession(
  session: Session,
  store: Store,
  request: PlanRequest,
): Promise<readonly PlannedPipeline[]> {
  const { repository, project, world } = session;
  // Brought up to the ledger once for all pipelines.
  let opened: Promise<History> | undefined;
  const ports: PlanPorts = {
    reader: await store.reader("local"),
    listing: (digest) => store.listingSync(digest),
    datasets: (dataset) => repository.dataset(dataset, project.tree),
    past: (pipeline) => pastOf((opened ??= repository.history()), pipeline),
    ...(request.release !== undefined && { release: request.release }),
  };
  const planned = await planPipelines(
    ports,
    { project, pipelines: selectPipelines(project, request.names) },
    {
      platform: world.config.platform,
      accelerator: null,
      forced: request.forced,
      withEffects: request.withEffects,
      overrides: request.overrides,
    },
  );
  return unnamedVenv(session, planned);
}

async function pastOf(opened: Promise<History>, pipeline: Pipeline): Promise<Past> {
  const history = await opened;
  const steps = await history.past([pipeline.id, ...pipeline.was]);
  // A pipeline that has never run took no time yet.
  if (steps.length === 0) return NO_PAST;
  return { steps, durations: (step) => history.durations(pipeline.id, step) };
}

/** Prints problems with their code frames to stderr; true when there is an error. */
export async function tellProblems(
  session: Pick<Session, "world">,
  view: View,
  problems: readonly Problem[],
): Promise<boolean> {
  if (problems.length === 0) return false;
  const { renderProblems } = await import("../problem/frame.ts");
  const texts = await textsOf(view, problems);
  session.world.terminal.say(renderProblems(problems, texts, { color: session.world.terminal.color }));
  return problems.some(isError);
}

/** The files that problems are in, for their code frames. */
export async function textsOf(view: View, problems: readonly Problem[]): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const { at } of problems) {
    // What a link leads to is not the file that is at fault, and may be nobody's to show.
    if (texts.has(at.path) || (await view.link(at.path)) !== undefined) continue;
    const bytes = await view.read(at.path);
    if (bytes !== undefined && bytes.byteLength < 8_000_000) texts.set(at.path, new TextDecoder().decode(bytes));
  }
  return texts;
}
