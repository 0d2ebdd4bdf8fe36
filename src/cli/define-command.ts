import type { Command } from "commander";

/** Takes what a command answered as the exit code. */
export type Done = (result: Promise<number>) => Promise<void>;

/** Each command shows an example below its help. */
export function command(program: Command, usage: string, example: string): Command {
  return program.command(usage).addHelpText("after", `\nExample:\n  ${example}\n`);
}
