import type { PlannedPipeline } from "../controller/project.ts";
import type { PlanView } from "../report/plan-view.ts";
import { ansiPaint, noPaint } from "../report/paint.ts";
import { fourCharacters } from "../report/words.ts";
import { EXIT } from "./exit.ts";
import { openSession, planSession, PLAIN_REQUEST, tellProblems, type Session } from "./session.ts";
import type { World } from "./world.ts";

export interface PlanFlags {
  readonly base?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly detailedExitcode?: boolean;
}

/** `sluice plan`: what would run and why. */
export async function plan(world: World, names: readonly string[], flags: PlanFlags): Promise<number> {
  const session = await openSession(world);
  const store = await session.repository.store(session.project.settings);
  const planned =
    flags.base === undefined
      ? await planSession(session, store, { ...PLAIN_REQUEST, names })
      : await planAgainst(session, { names, base: flags.base });
  session.repository.save();
  const problems = [...session.project.problems, ...planned.flatMap((one) => one.problems)];
  const broken = await tellProblems(session, session.project.view, problems);
  const views = planned.map(viewOf);
  if (flags.json === true) {
    const { planJson } = await import("../report/plan-json.ts");
    world.terminal.print(planJson(views, session.project.settings.pools["default"]?.concurrency ?? 4));
  } else if (flags.markdown === true) {
    const { planMarkdown } = await import("../report/plan-markdown.ts");
    world.terminal.print(
      planMarkdown(views, { slots: 4, shortId: fourCharacters, frame: () => [], pullRequest: null }),
    );
  } else if (views.length > 0 && !broken) {
    const { planText } = await import("../report/plan-text.ts");
    world.terminal.print(
      planText(views, {
        paint: world.terminal.color ? ansiPaint : noPaint,
        shortId: fourCharacters,
        slots: 4,
        frame: () => "",
        rows: 40,
      }),
    );
  } else if (views.length === 0 && !broken) {
    world.terminal.say(`no pipelines at ${session.project.settings.pipelines}\n  next: sluice init\n`);
  }
  if (broken) return EXIT.bad;
  const work = planned.some(
    (one) => one.forecast?.steps.some(({ verdict }) => verdict.kind === "run" || verdict.kind === "depends") === true,
  );
  return flags.detailedExitcode === true && work ? EXIT.pending : EXIT.fine;
}

/** The change that a merge would make: this tree judged against another commit instead of against past runs. */
async function planAgainst(
  session: Session,
  { names, base }: { readonly names: readonly string[]; readonly base: string },
): Promise<readonly PlannedPipeline[]> {
  const { comparePlans } = await import("./plan-base.ts");
  return comparePlans(session, { names, base });
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
