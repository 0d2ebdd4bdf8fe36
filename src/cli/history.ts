import { diffRuns } from "../diff/run-diff.ts";
import { ansiPaint, noPaint, type Paint } from "../report/paint.ts";
import { LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import { EXIT, Refusal } from "./exit.ts";
import { reproducedIn, waitingPush } from "./reproduced.ts";
import { selectRun, shortIds } from "./select-run.ts";
import { openRepository } from "./open-repository.ts";
import { noPipeline, openSession } from "./session.ts";
import { succeededRuns } from "./succeeded-runs.ts";
import type { Repository, World } from "./world.ts";

export function paintOf(world: World): Paint {
  return world.terminal.color ? ansiPaint : noPaint;
}

/** `sluice log`: recorded runs, newest first. */
export async function log(
  world: World,
  pipeline: string | undefined,
  flags: { readonly json?: boolean; readonly limit?: number; readonly env?: string },
): Promise<number> {
  if (flags.env !== undefined) {
    const { logEnvironment } = await import("./log-environment.ts");
    return logEnvironment(world, { environment: flags.env, pipeline, json: flags.json === true });
  }
  const repository = await openRepository(world);
  const history = await repository.history();
  const { logText, logJson } = await import("../report/log-text.ts");
  const runs = history.runs({ ...(pipeline === undefined ? {} : { pipeline }), limit: flags.limit ?? 1_000 });
  if (flags.json === true) world.terminal.print(logJson(runs));
  else if (runs.length === 0) await tellNoRun(world, repository, pipeline);
  else world.terminal.print(logText(runs, { paint: paintOf(world), shortId: shortIds(history) }));
  return EXIT.fine;
}

async function tellNoRun(world: World, repository: Repository, pipeline: string | undefined): Promise<void> {
  if (pipeline !== undefined) {
    const { project } = await openSession(world, repository);
    if (project.broken.length === 0 && !project.pipelines.some((one) => one.pipeline.id === pipeline))
      throw noPipeline(project, pipeline);
  }
  const of = pipeline === undefined ? "" : ` of ${pipeline}`;
  const run = `sluice run${pipeline === undefined ? "" : ` ${pipeline}`}`;
  const { ref } = await repository.ledger();
  if (ref === LOCAL_LEDGER) world.terminal.say(`no run${of} is recorded yet\n  next: ${run}\n`);
  else {
    const only = pipeline === undefined ? "" : ` --grep '^Sluice-Pipeline: ${pipeline}$'`;
    const short = ref.replace(/^refs\/(?:heads|remotes)\//, "");
    world.terminal.say(
      `no run${of} is recorded here; what the service recorded is on ${short}\n  next: git log --format='%h %s'${only} ${short}, or ${run}\n`,
    );
  }
}

/** `sluice show <run>`. */
export async function show(world: World, run: string, flags: { readonly json?: boolean }): Promise<number> {
  const repository = await openRepository(world);
  const { record, ledger } = await selectRun(repository, run);
  const reproduced = await reproducedIn(repository, ledger, record.id);
  const waiting = reproduced === null ? await waitingPush(repository, ledger, record.id) : null;
  const { showText, showJson } = await import("../report/show-text.ts");
  world.terminal.print(
    flags.json === true
      ? showJson(record, reproduced)
      : showText(record, { reproduced, waiting, paint: paintOf(world), shortId: shortIds(ledger.history) }),
  );
  return EXIT.fine;
}

/** `sluice diff [A] [B]`: without B the newest run, without both the newest two that succeeded. */
export async function diff(
  world: World,
  [first, second]: readonly [string | undefined, string | undefined],
  flags: { readonly json?: boolean; readonly markdown?: boolean },
): Promise<number> {
  const repository = await openRepository(world);
  const compared = first === undefined ? await succeededRuns(world, repository) : undefined;
  const { record: to, ledger } = compared?.to ?? (await selectRun(repository, second ?? "latest"));
  const from = compared?.from ?? (await selectRun(repository, first ?? `${to.id}~1`)).record;
  if (from.pipeline.id !== to.pipeline.id) {
    throw new Refusal(
      EXIT.usage,
      `${from.pipeline.name} and ${to.pipeline.name} are different pipelines\n  next: sluice log ${to.pipeline.name}`,
    );
  }
  const changes = diffRuns(from, to);
  const shortId = shortIds(ledger.history);
  if (flags.json === true) world.terminal.print((await import("../report/diff-json.ts")).diffJson(changes));
  else if (flags.markdown === true)
    world.terminal.print((await import("../report/diff-markdown.ts")).diffMarkdown(changes, { shortId }));
  else
    world.terminal.print(
      (await import("../report/diff-text.ts")).diffText(changes, { paint: paintOf(world), shortId }),
    );
  return EXIT.fine;
}
