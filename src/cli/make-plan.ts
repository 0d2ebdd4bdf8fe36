import type { PlannedPipeline } from "../controller/project.ts";
import type { Settings } from "../pipeline/settings.ts";
import { isError, type Problem } from "../problem/problem.ts";
import { countsOf, type PlanView } from "../report/plan-view.ts";
import { ansiPaint, noPaint } from "../report/paint.ts";
import { fourCharacters } from "../report/words.ts";
import { planText } from "../report/plan-text.ts";
import { EXIT } from "./exit.ts";
import { isPlain, type PlanFlags } from "./plan-flags.ts";
import type { Compared } from "./plan-base.ts";
import { tellMissedGates } from "./missed-gates.ts";
import { keepingHere, rememberPlan } from "./remembered-plan.ts";
import { isRunnable } from "./runnable.ts";
import { openSession, planSession, PLAIN_REQUEST, tellProblems, textsOf, type Session } from "./session.ts";
import { slotsOf } from "./slots.ts";
import type { Repository, World } from "./world.ts";

/** Makes a plan and says it. */
export async function makePlan(
  world: World,
  repository: Repository,
  { names, flags }: { readonly names: readonly string[]; readonly flags: PlanFlags },
): Promise<number> {
  const session = await openSession(world, repository);
  const store = await session.repository.store(session.project.settings);
  const { planned, removed } =
    flags.base === undefined
      ? { planned: await planSession(session, store, { ...PLAIN_REQUEST, names }), removed: [] }
      : await planAgainst(session, { names, base: flags.base });
  session.repository.save();
  const problems = [...session.project.problems, ...planned.flatMap((one) => one.problems)];
  const broken = await tellProblems(session, session.project.view, problems);
  const slots = slotsOf(session.project.settings, session.repository.machine);
  const views = viewsOf(session, planned);
  const work = planned.some(
    (one) => one.forecast?.steps.some(({ verdict }) => verdict.kind === "run" || verdict.kind === "depends") === true,
  );
  // Against another commit a plan tells what would change, and the gates of what is there are no part of it.
  const missed = flags.base === undefined && !broken && tellMissedGates(world, planned.filter(isRunnable));
  if (flags.json === true) {
    const { planJson } = await import("../report/plan-json.ts");
    world.terminal.print(planJson(views, slots, removed));
  } else if (flags.markdown === true) {
    const { planMarkdown } = await import("../report/plan-markdown.ts");
    const frame = await framesOf(session, problems);
    const others = { unchanged: [], removed };
    world.terminal.print(planMarkdown(views, { slots, shortId: fourCharacters, frame, others, pullRequest: null }));
  } else if (views.length + removed.length > 0 && !broken) {
    const keeping = keepingAsked(session, views);
    const found = keeping === null ? {} : await keepingHere(repository, keeping);
    const text = planText(views, {
      paint: world.terminal.color ? ansiPaint : noPaint,
      shortId: fourCharacters,
      slots,
      // Problems were told before, with their frames.
      frame: () => "",
      ...found,
      cpus: repository.machine.cpus,
      removed,
      rows: 40,
    });
    world.terminal.print(text);
    if (isPlain(flags) && problems.length === 0 && !missed) {
      await rememberPlan(world, repository, {
        project: session.project,
        planned,
        names,
        keeping: keeping === null ? null : { ...keeping, found },
        work,
        text,
      });
    }
  } else if (!broken) {
    world.terminal.say(`no pipelines at ${session.project.settings.pipelines}\n  next: sluice init\n`);
  }
  if (broken) return EXIT.bad;
  if (flags.detailedExitcode !== true) return EXIT.fine;
  return missed ? EXIT.bad : work ? EXIT.pending : EXIT.fine;
}

/** The change that a merge would make: this tree judged against another commit instead of against past runs. */
async function planAgainst(
  session: Session,
  { names, base }: { readonly names: readonly string[]; readonly base: string },
): Promise<Compared> {
  const { comparePlans } = await import("./plan-base.ts");
  return comparePlans(session, { names, base });
}

/** Planned pipelines, then the files that could not be read as one. */
function viewsOf({ project }: Session, planned: readonly PlannedPipeline[]): readonly PlanView[] {
  const own = new Set(planned.map((one) => one.file.path));
  const elsewhere = project.problems.filter(({ at }) => !own.has(at.path));
  const broken = [...new Set(elsewhere.filter(isError).map(({ at }) => at.path))];
  return [
    ...planned.map((one) => {
      const view = viewOf(one);
      const read = project.problems.filter(({ at }) => at.path === view.path);
      return { ...view, problems: [...read, ...view.problems] };
    }),
    ...broken.map((path) => ({
      name: path,
      path,
      order: null,
      forecast: null,
      problems: elsewhere.filter(({ at }) => at.path === path),
      costUsd: null,
      policies: [],
    })),
  ];
}

async function framesOf(
  { project }: Session,
  problems: readonly Problem[],
): Promise<(problem: Problem) => readonly string[]> {
  if (problems.length === 0) return () => [];
  const { codeFrame } = await import("../problem/frame.ts");
  const texts = await textsOf(project.view, problems);
  return (problem) => codeFrame(problem, texts.get(problem.at.path), { color: false }).map((line) => line.slice(2));
}

/** Asked only where something would run. */
function keepingAsked(
  { project }: Session,
  views: readonly PlanView[],
): { readonly sandbox: Settings["sandbox"]; readonly memory: boolean } | null {
  const work = views.some((view) => {
    const counts = countsOf(view);
    return counts.run + counts.depends > 0;
  });
  if (!work) return null;
  const memory = views.some((view) => view.order?.steps.some(({ step }) => step.resources.memory !== null) === true);
  return { sandbox: project.settings.sandbox, memory };
}

export function viewOf(one: PlannedPipeline): PlanView {
  return {
    name: one.file.pipeline.name,
    path: one.file.path,
    order: one.order,
    forecast: one.forecast,
    problems: one.problems,
    costUsd: null,
    policies: [],
  };
}
