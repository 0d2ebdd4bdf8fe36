import { runPipeline } from "../controller/run-pipeline/run-pipeline.ts";
import { runStep } from "../controller/run-step/run-step.ts";
import type { StepContext } from "../controller/run-step/step-context.ts";
import { failedGate } from "../diff/failed-gate.ts";
import type { RunId } from "../identity/identity.ts";
import type { RunTextOptions } from "../report/run-text.ts";
import { disposing } from "./disposing.ts";
import type { One } from "./execution.ts";
import type { Session } from "./session.ts";
import { stagingOf } from "./staging.ts";
import { watchRun } from "./watch.ts";

/** Performs the steps of an accepted run on this machine, and shows how far they are; `begun` when they can begin. */
export async function executeSteps(
  session: Session,
  one: One,
  { run, options, begun }: { readonly run: RunId; readonly options: RunTextOptions; readonly begun: () => void },
): ReturnType<typeof runPipeline> {
  const { repository, world } = session;
  const { runnable, store, executor, execution } = one;
  const deploys = execution.deploys ?? null;
  const staging = await stagingOf(session, { runnable, store, trigger: deploys === null ? "local" : "deploy" });
  const watching = watchRun(session, { run, runnable, options });
  const context: StepContext = {
    started: (job) => watching.tell({ kind: "started", step: job.step, attempt: job.attempt, cause: job.cause }),
    run,
    domain: "local",
    root: repository.workTree.root,
    requestedBy: world.config.user,
    deploys,
    ...staging,
  };
  const checkpoints = repository.checkpoints(session.project.settings);
  const ports = { executor, store, clock: world.clock, logs: repository.logs, checkpoints };
  const dispatcher = await repository.dispatcher(executor.ahead, (job, signal) => runStep(ports, context, job, signal));
  begun();
  return disposing(dispatcher, () =>
    runPipeline(
      { dispatcher, clock: world.clock },
      {
        order: runnable.order,
        forecast: runnable.forecast,
        facts: runnable.facts,
        forced: new Set(execution.flags.force),
        keepGoing: execution.flags.keepGoing === true,
        // On one's own machine cores are shared: more of them are asked for than there are.
        capacityOf: () => ({ ...repository.machine, cpu: Number.POSITIVE_INFINITY }),
        room: repository.machine,
        gateOf: (step, result) => failedGate(runnable.order.metrics, step.name, result),
        onProgress: (progress) => watching.tell(progress),
        signal: world.terminal.interrupted,
      },
    ),
  ).finally(() => watching.close());
}
