import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import type { OutputRecord } from "../key/key-document.ts";
import { EXIT, Refusal } from "./exit.ts";
import { selectRun } from "./select-run.ts";
import { openSession } from "./session.ts";
import type { World } from "./world.ts";

/** `sluice get <run>[:<path>] [-o DIR]`: artifacts of a run out of the store, each checked against its digest. */
export async function get(world: World, what: string, flags: { readonly output?: string }): Promise<number> {
  const { repository, project } = await openSession(world);
  const history = await repository.history();
  const [, run, path] = /^([^:]+)(?::(.+))?$/.exec(what) ?? [];
  const record = await selectRun(repository, history, run ?? what);
  const outputs = record.steps.flatMap(({ outcome }) =>
    outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.facts.outputs : [],
  );
  const wanted =
    path === undefined
      ? outputs
      : outputs.filter((output) => output.path === path || path.startsWith(`${output.path}/`));
  if (wanted.length === 0) {
    throw new Refusal(
      EXIT.usage,
      `run ${run ?? what} has no output ${path ?? ""}\n  next: it has ${outputs.map((output) => output.path).join(", ") || "none"}`,
    );
  }
  const store = await repository.store(project.settings);
  const directory = resolve(world.config.cwd, flags.output ?? ".");
  let code: number = EXIT.fine;
  for (const output of wanted) {
    const part = partOf(store, output, path);
    const target = join(directory, part.path);
    if (existsSync(target))
      throw new Refusal(EXIT.usage, `${target} exists already\n  next: name another directory with -o`);
    const placed = await store.materialize(part, target);
    if (placed.kind === "ok") world.terminal.print(`${part.path}  ${part.digest}\n`);
    else {
      world.terminal.say(
        `${part.path}: ${placed.kind === "corrupt" ? "its bytes in the store are corrupt" : placed.kind === "missing" ? "its bytes are not in the store any more" : "the disk is full"}\n  next: sluice run --force, or sluice reproduce ${record.id}\n`,
      );
      code = EXIT.bad;
    }
  }
  return code;
}

function partOf(
  store: Awaited<ReturnType<Awaited<ReturnType<typeof openSession>>["repository"]["store"]>>,
  output: OutputRecord,
  path: string | undefined,
): Pick<OutputRecord, "path" | "kind" | "digest"> {
  if (path === undefined || path === output.path) return output;
  const inside = path.slice(output.path.length + 1);
  const entry = store.listingSync(output.digest)?.find((one) => one.path === inside);
  if (entry === undefined || "link" in entry) throw new Refusal(EXIT.usage, `${output.path} holds no file ${inside}`);
  return { path, kind: entry.x ? "executable" : "file", digest: entry.digest };
}
