import { EXIT, Refusal } from "./exit.ts";
import type { Repository, World } from "./world.ts";

/** The repository that holds the current directory; a mistake of usage where there is none. */
export async function openRepository(world: World): Promise<Repository> {
  const opened = await world.openRepository();
  if (opened.kind === "refused") throw new Refusal(EXIT.usage, `${opened.why}\n  next: ${opened.next}`);
  return opened.repository;
}
