import type { Config } from "../config.ts";
import type { Screen, Terminal } from "./world.ts";

/** The person's terminal, or the pipe that stands in its place. */
export function createTerminal(config: Pick<Config, "color" | "cursor">): Terminal {
  const { color } = config;
  const interrupted = new AbortController();
  let asked = 0;
  const stop = (): void => {
    asked++;
    // The second Ctrl-C means now: the launcher dies with us and takes the steps along.
    if (asked > 1) process.exit(130);
    interrupted.abort();
  };
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreDeparted);
  const clearing = new Set<() => void>();
  const clear = (): void => {
    for (const one of clearing) one();
  };
  return {
    isTerminal: process.stderr.isTTY,
    color: color === "always" || (color === "auto" && process.stdout.isTTY),
    columns: process.stdout.columns ?? 100,
    print(text) {
      clear();
      process.stdout.write(text);
    },
    say(text) {
      clear();
      process.stderr.write(text);
    },
    screen: process.stderr.isTTY && config.cursor ? screenOf(process.stderr, clearing) : null,
    get interrupted() {
      if (process.listenerCount("SIGINT") === 0) {
        process.on("SIGINT", stop);
        process.on("SIGTERM", stop);
      }
      return interrupted.signal;
    },
  };
}

/** Whoever read us has gone (`sluice log | head`): what follows is for nobody, and the command ends as it would. */
function ignoreDeparted(error: Error): void {
  if (!("code" in error && error.code === "EPIPE")) throw error;
}

function screenOf(stream: NodeJS.WriteStream, clearing: Set<() => void>): Screen {
  return {
    // A terminal that does not know its size says 0.
    size: () => ({ columns: stream.columns || 80, rows: stream.rows || 24 }),
    write: (text) => void stream.write(text),
    before(clear) {
      clearing.add(clear);
      return () => void clearing.delete(clear);
    },
  };
}
