import type { StepProgress } from "../run/step-progress.ts";
import type { RunId } from "../identity/identity.ts";
import { liveRun, watched } from "../report/run-live.ts";
import type { RunTextOptions } from "../report/run-text.ts";
import { writeLiveState } from "./live-state.ts";
import { liveView } from "./live-view.ts";
import { seenBy } from "./progress.ts";
import type { Runnable } from "./runnable.ts";
import type { Session } from "./session.ts";
import { progressTeller } from "./tell-progress.ts";

/** Ten drawings a second are as many as an eye wants. */
const DRAW_MS = 100;
/** `sluice status` in another window sees a run at most this many drawings late. */
const WRITE_EVERY = 5;

export interface Watching {
  tell(progress: StepProgress): void;
  /** Takes the view off the terminal; safe to call twice. */
  close(): void;
}

/** Tells a run to whoever looks: drawn in place on a terminal, a line an event elsewhere, a file for `status`. */
export function watchRun(
  session: Session,
  { run, runnable, options }: { readonly run: RunId; readonly runnable: Runnable; readonly options: RunTextOptions },
): Watching {
  const { repository, world } = session;
  const { terminal, clock } = world;
  const { steps } = runnable.forecast;
  const expected = new Map(steps.flatMap(({ step, time }) => (time === null ? [] : [[step, time.medianMs] as const])));
  const total = steps.filter(({ verdict }) => verdict.kind !== "withheld").length;
  const view = terminal.screen === null ? undefined : liveView(terminal.screen, options);
  const teller = progressTeller(view ?? terminal, options);
  let live = liveRun(total, clock.now(), expected);
  let written = live;
  let ticks = 0;
  const timer = setInterval(() => {
    view?.draw(live, clock.now());
    ticks++;
    if (ticks % WRITE_EVERY !== 0 || written === live) return;
    written = live;
    writeLiveState(repository, run, live);
  }, DRAW_MS).unref();
  const restore = (): void => view?.close();
  // Ctrl-Z: the shell gets a clean line and its cursor; the steps go on, and so does the view after `fg`.
  const suspend = (): void => {
    view?.clear();
    process.kill(process.pid, "SIGSTOP");
  };
  if (view !== undefined) {
    process.once("exit", restore);
    process.on("SIGTSTP", suspend);
  }
  return {
    tell(progress) {
      const seen = seenBy(progress);
      if (seen === undefined) return;
      live = watched(live, { progress: seen, at: clock.now() }, options);
      // The view shows what began; what ended stays as a line.
      if (view === undefined || seen.kind !== "started") teller.tell(progress);
    },
    close() {
      clearInterval(timer);
      teller.end();
      view?.close();
      process.off("exit", restore);
      process.off("SIGTSTP", suspend);
    },
  };
}
