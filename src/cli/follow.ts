import { safeLog } from "../report/safe-text.ts";
import { fourCharacters } from "../report/words.ts";
import { EXIT, Refusal } from "./exit.ts";
import { servedLog, servedRun, withRuns } from "./served.ts";
import type { FollowedLog, ServedRun, World } from "./world.ts";

/** `sluice logs -f <run> [step]`: what steps of a service's run write while they write it; undefined: no such run is open. */
export async function followLogs(world: World, name: string, step: string | undefined): Promise<number | undefined> {
  return withRuns(world, async (runs) => {
    const run = await servedRun(world, runs, name);
    if (run === undefined) return undefined;
    checkStep(run, step);
    const signal = world.terminal.interrupted;
    const heard = new Set<string>();
    const say = teller(world, { run, only: step, heard });
    let said = Promise.resolve();
    const tell = (told: FollowedLog): void => {
      said = said.then(() => say(told));
    };
    await runs.follow(run.id, { step, signal, tell });
    await said;
    if (signal.aborted) return EXIT.interrupted;
    if (step !== undefined && !heard.has(step))
      world.terminal.say(`run ${fourCharacters(run.id)} is over, and nothing of ${step} was written meanwhile\n`);
    return EXIT.fine;
  });
}

function checkStep({ id, steps }: ServedRun, step: string | undefined): void {
  if (step === undefined || steps.length === 0 || steps.includes(step)) return;
  throw new Refusal(
    EXIT.usage,
    `run ${fourCharacters(id)} has no step ${step}\n  next: its steps are ${steps.join(", ")}`,
  );
}

interface Heard {
  readonly run: ServedRun;
  readonly only: string | undefined;
  readonly heard: Set<string>;
}

/** One step's log goes to stdout as it is; of several each line is told with its step in front. */
function teller(world: World, { run, only, heard }: Heard): (told: FollowedLog) => Promise<void> {
  const { terminal } = world;
  const attempts = new Map<string, number>();
  const begun = new Map<string, string>();
  const width = Math.max(0, ...run.steps.map((step) => step.length));

  function print(step: string, text: string): void {
    const safe = terminal.isTerminal ? safeLog(text) : text;
    if (only !== undefined) return terminal.print(safe);
    const lines = `${begun.get(step) ?? ""}${safe}`.split("\n");
    begun.set(step, lines.pop() ?? "");
    for (const line of lines) terminal.print(`${step.padEnd(width)} │ ${line}\n`);
  }

  return async (told) => {
    const { step } = told;
    if (told.kind === "text") {
      const before = attempts.get(step);
      attempts.set(step, told.attempt);
      heard.add(step);
      if (before !== undefined && before !== told.attempt)
        terminal.say(`\n── ${step}: attempt ${before} ended, attempt ${told.attempt} begins\n`);
      print(step, told.text);
      return;
    }
    if ((begun.get(step) ?? "") !== "") print(step, "\n");
    if (!heard.has(step) && told.log !== null) {
      const kept = await servedLog(world, told.log);
      if (kept !== undefined) print(step, kept);
    }
    heard.add(step);
    terminal.say(`── ${step}: ${told.outcome}\n`);
  };
}
