import type { StepProgress } from "../run/step-progress.ts";
import type { RunProgress } from "../report/run-progress.ts";
import { progressLine, type RunTextOptions } from "../report/run-text.ts";
import { counted } from "../report/words.ts";
import { seenBy } from "./progress.ts";
import type { Terminal } from "./world.ts";

/** More cached steps than this are told as a number. */
const NAMED = 20;

/** Says what happens as it happens; what was cached together is told together. */
export interface ProgressTeller {
  tell(progress: StepProgress): void;
  /** Says what is still held back. */
  end(): void;
}

export function progressTeller(terminal: Pick<Terminal, "say">, options: RunTextOptions): ProgressTeller {
  let cached: RunProgress[] = [];
  const line = (seen: RunProgress): string => `${progressLine(seen, options)}\n`;
  const end = (): void => {
    if (cached.length > NAMED) terminal.say(`${options.paint.good("✓")} ${counted(cached.length, "step")} cached\n`);
    else if (cached.length > 0) terminal.say(cached.map(line).join(""));
    cached = [];
  };
  return {
    tell(progress) {
      const seen = seenBy(progress);
      if (seen === undefined) return;
      if (seen.kind === "cached") {
        cached.push(seen);
        return;
      }
      end();
      terminal.say(line(seen));
    },
    end,
  };
}
