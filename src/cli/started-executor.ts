import type { Executor } from "../executor/executor.ts";
import { failureSentence } from "../report/failure-sentence.ts";
import { terminalVoice } from "../report/voice.ts";
import type { Failure } from "../run/run-record.ts";
import type { Store } from "../store/store.ts";
import { noSandbox } from "./exit.ts";
import type { RunFlags } from "./runnable.ts";
import type { Session } from "./session.ts";
import { slotsOf } from "./slots.ts";
import type { Terminal } from "./world.ts";

/** What performs steps, started before anybody knows whether it is needed. */
export interface StartedExecutor {
  /** Refuses where steps cannot be performed here: a mistake only for who has some. */
  readonly opened: Promise<Executor>;
  /** Once, however often it is asked for. */
  [Symbol.asyncDispose](): Promise<void>;
}

export function startExecutor(
  session: Session,
  store: Store,
  flags: Pick<RunFlags, "jobs" | "allowEnvironmentDrift">,
): StartedExecutor {
  const { repository, project, world } = session;
  const slots = flags.jobs ?? slotsOf(project.settings, repository.machine);
  const open = async (): Promise<Executor> => {
    const executor = await repository.executor(project.settings, store, {
      slots,
      ...(flags.allowEnvironmentDrift === true ? { onDrift: driftTeller(world.terminal) } : {}),
    });
    if ("kind" in executor) throw noSandbox(executor.why);
    return executor;
  };
  const opened = open();
  // Whoever has steps hears of it.
  opened.catch(() => undefined);
  const leave = async (): Promise<void> => {
    const executor = await opened.catch(() => undefined);
    await executor?.[Symbol.asyncDispose]();
  };
  let left: Promise<void> | undefined;
  return { opened, [Symbol.asyncDispose]: () => (left ??= leave()) };
}

/** Says each drift once, however many steps it touches. */
function driftTeller(terminal: Terminal): (drift: Failure) => void {
  const told = new Set<string>();
  return (drift) => {
    const sentence = failureSentence(drift, terminalVoice()).replace(/^refused: /, "");
    if (told.has(sentence)) return;
    told.add(sentence);
    terminal.say(`environment drift: ${sentence}; what runs so is recorded, not cached and cannot be promoted\n`);
  };
}
