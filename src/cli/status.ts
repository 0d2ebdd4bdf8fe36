import type { PlannedPipeline } from "../controller/project.ts";
import type { History } from "../index/history.ts";
import { LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import type { AcceptedRun } from "../queue/accepted-runs.ts";
import { countsOf } from "../report/plan-view.ts";
import { isError } from "../problem/problem.ts";
import type { StatusView } from "../report/status-text.ts";
import { fourCharacters, jsonDocument } from "../report/words.ts";
import { environmentsView } from "./environments-view.ts";
import { EXIT, Refusal } from "./exit.ts";
import { paintOf } from "./history.ts";
import { readLiveState } from "./live-state.ts";
import { viewOf } from "./make-plan.ts";
import { tellMissedGates } from "./missed-gates.ts";
import { isRunnable } from "./runnable.ts";
import { shortIds } from "./select-run.ts";
import { openSession, planSession, PLAIN_REQUEST, type Session } from "./session.ts";
import type { Ledger, World } from "./world.ts";

/** `sluice status`: what a run would do, what is under way, what ran last. */
export async function status(world: World, flags: { readonly json?: boolean }): Promise<number> {
  const opened = await world.openRepository();
  const served = await servedRuns(world);
  if (opened.kind === "refused" && served !== undefined) return statusOfService(world, served, flags);
  const session = await openSession(world, opened.kind === "ok" ? opened.repository : undefined);
  const { repository, project } = session;
  const history = await repository.history();
  const store = await repository.store(project.settings);
  const planned = await planSession(session, store, PLAIN_REQUEST);
  const head = await repository.git.head();
  const broken = project.broken.map((path) => ({
    name: path,
    problems: project.problems.filter((problem) => problem.at.path === path && isError(problem)).length,
    pending: null,
    last: null,
  }));
  const holder = repository.accepted.holder() ?? null;
  const environments = await environmentsView(session);
  const ledger = await repository.ledger();
  const view: StatusView = {
    ...(environments === undefined ? {} : { environments }),
    ...(served === undefined ? {} : { served }),
    branch: head.branch,
    commit: head.commit,
    pipelines: [
      ...planned.map((one) => {
        const problems = one.problems.filter(isError).length;
        return {
          name: one.file.pipeline.name,
          problems,
          pending: problems > 0 ? null : countsOf(viewOf(one)),
          last: lastRun({ history, ledger }, one.file.pipeline.id),
        };
      }),
      ...broken,
    ],
    holder,
    active: repository.accepted
      .list()
      .map((run) =>
        activeRun(session, { run, holder, planned: planned.find((one) => one.order?.digest === run.plan) }),
      ),
  };
  repository.save();
  tellMissedGates(world, planned.filter(isRunnable));
  const { statusText, statusJson } = await import("../report/status-text.ts");
  world.terminal.print(
    flags.json === true
      ? statusJson(view)
      : statusText(view, {
          paint: paintOf(world),
          shortId: shortIds(history),
          now: new Date(world.clock.now()).toISOString(),
        }),
  );
  return EXIT.fine;
}

/** The newest run of a pipeline, here or on the ledger of a service as it was fetched; null: none is recorded. */
function lastRun(
  { history, ledger }: { readonly history: History; readonly ledger: Ledger },
  pipeline: string,
): StatusView["pipelines"][number]["last"] {
  const [here] = history.runs({ pipeline, limit: 1 });
  const [there] = ledger.ref === LOCAL_LEDGER ? [] : ledger.history.runs({ pipeline, limit: 1 });
  const shared = there !== undefined && (here === undefined || here.finishedAt < there.finishedAt);
  const last = shared ? there : here;
  if (last === undefined) return null;
  const { id, status, finishedAt } = last;
  return { id, status, finishedAt, ...(shared && { ledger: ledger.ref.replace(/^refs\/(?:remotes|heads)\//, "") }) };
}

/** Runs of the service that this environment names; one that cannot be asked leaves the rest to be told. */
async function servedRuns(world: World): Promise<StatusView["served"]> {
  if (!world.service.named) return undefined;
  const { withRuns } = await import("./served.ts");
  try {
    return await withRuns(world, (runs) => runs.list());
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    world.terminal.say(`sluice: ${error.message}\n`);
    return undefined;
  }
}

/** Where there is no repository, an operator still sees what the service does. */
async function statusOfService(
  world: World,
  served: NonNullable<StatusView["served"]>,
  flags: { readonly json?: boolean },
): Promise<number> {
  const { servedText } = await import("../report/status-text.ts");
  const now = new Date(world.clock.now()).toISOString();
  const options = { paint: paintOf(world), shortId: fourCharacters, now };
  world.terminal.print(flags.json === true ? jsonDocument({ served }) : `${servedText(served, options)}\n`);
  return EXIT.fine;
}

/** What the run's process wrote down last; for one too short to have done so, what the plan finds finished. */
function activeRun({ repository, project }: Session, { run, holder, planned }: Active): StatusView["active"][number] {
  const live = readLiveState(repository, run.id);
  const forecast = planned?.forecast?.steps ?? [];
  return {
    id: run.id,
    pipeline: run.pipeline,
    startedAt: run.startedAt,
    done: live?.done ?? forecast.filter(({ verdict }) => verdict.kind === "cached").length,
    total: live?.total ?? forecast.filter(({ verdict }) => verdict.kind !== "withheld").length,
    process: holder,
    running: (live?.running ?? []).map(({ step, since, attempt }) => ({
      step,
      since: new Date(since).toISOString(),
      attempt,
    })),
    carriesOn: planned !== undefined && run.source === project.view.commit,
  };
}

interface Active {
  readonly run: AcceptedRun;
  readonly holder: number | null;
  /** The plan that the run is of, where the files still give it. */
  readonly planned: PlannedPipeline | undefined;
}
