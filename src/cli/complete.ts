import type { RootCommand } from "@bomb.sh/tab";

import { readProject } from "../controller/read-project.ts";
import type { World } from "./world.ts";

/** Commands that take names of the project, as arguments. */
const COMMANDS: ReadonlySet<string> = new Set([
  "promote",
  "approve",
  "rollback",
  "hold",
  "unhold",
  "freeze",
  "unfreeze",
  "show",
  "verify",
  "reproduce",
  "log",
]);

/** Gives a shell the names of environments and pipelines; they are read only where they can be typed next. */
export async function completeNames(world: World, completion: RootCommand, verb: string | undefined): Promise<void> {
  const command = verb === undefined || !COMMANDS.has(verb) ? undefined : completion.commands.get(verb);
  if (command === undefined) return;
  const opened = await world.openRepository();
  if (opened.kind === "refused") return;
  const { repository } = opened;
  const { settings, pipelines } = await readProject({ cache: repository.cache }, repository.view);
  const environments = settings.environments.map(({ name }) => name);
  const named = pipelines.map(({ pipeline }) => pipeline.id);
  const places = environments.flatMap((one) => named.map((it) => `${one}/${it}`));
  // By the names that arguments have in their commands.
  const words: Readonly<Record<string, readonly string[]>> = {
    environment: environments,
    place: [...environments, ...places],
    pipeline: named,
    run: ["latest", ...environments],
  };
  for (const [name, { variadic }] of command.arguments) {
    const known = Object.hasOwn(words, name) ? (words[name] ?? []) : [];
    if (known.length > 0) command.argument(name, (complete) => known.forEach((word) => complete(word, "")), variadic);
  }
}
