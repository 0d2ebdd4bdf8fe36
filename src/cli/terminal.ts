import type { Config } from "../config.ts";
import type { Terminal } from "./world.ts";

/** The person's terminal, or the pipe that stands in its place. */
export function createTerminal(color: Config["color"]): Terminal {
  const interrupted = new AbortController();
  let asked = 0;
  const stop = (): void => {
    asked++;
    // The second Ctrl-C means now: the launcher dies with us and takes the steps along.
    if (asked > 1) process.exit(130);
    interrupted.abort();
  };
  return {
    isTerminal: process.stderr.isTTY,
    color: color === "always" || (color === "auto" && process.stdout.isTTY),
    columns: process.stdout.columns ?? 100,
    print: (text) => void process.stdout.write(text),
    say: (text) => void process.stderr.write(text),
    get interrupted() {
      if (process.listenerCount("SIGINT") === 0) {
        process.on("SIGINT", stop);
        process.on("SIGTERM", stop);
      }
      return interrupted.signal;
    },
  };
}
