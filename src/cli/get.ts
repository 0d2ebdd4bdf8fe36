import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

import type { OutputRecord } from "../key/key-document.ts";
import type { Store } from "../store/store.ts";
import { environmentsOf } from "./environments.ts";
import { EXIT, Refusal } from "./exit.ts";
import { selectRun, shortIds, type Selected } from "./select-run.ts";
import { openSession, type Session } from "./session.ts";
import type { World } from "./world.ts";

/** `sluice get <run>[:<path>] [-o DIR]`: artifacts of a run out of the store, each checked against its digest. */
export async function get(world: World, what: string, flags: { readonly output?: string }): Promise<number> {
  const { repository, project } = await openSession(world);
  const { run, path } = await partsOf(what, { repository, project });
  const { record, ledger } = await selectRun(repository, run);
  const outputs = record.steps.flatMap(({ outcome }) =>
    outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.facts.outputs : [],
  );
  const wanted =
    path === undefined
      ? outputs
      : outputs.filter((output) => output.path === path || path.startsWith(`${output.path}/`));
  if (wanted.length === 0) throw await without({ record, ledger }, path, outputs);
  const store = await repository.store(project.settings);
  const directory = resolve(world.config.cwd, flags.output ?? ".");
  let code: number = EXIT.fine;
  const parts = await Promise.all(wanted.map((output) => partsIn(store, output, path)));
  for (const part of parts.flat()) {
    const target = join(directory, part.path);
    // As the person names the place, so that it can be copied from here.
    const shown = join(flags.output ?? "", part.path);
    checkRoom(target, { what, path: part.path });
    if ((await repository.measure(relative(repository.git.root, target)))?.digest === part.digest) {
      world.terminal.print(`${shown}  ${part.digest}  stands here already, verified\n`);
      continue;
    }
    if (existsSync(target))
      throw new Refusal(EXIT.usage, `${target} exists already\n  next: name another directory with -o`);
    const placed = await store.materialize(part, target);
    if (placed.kind === "ok") world.terminal.print(`${shown}  ${part.digest}\n`);
    else {
      world.terminal.say(
        `${part.path}: ${placed.kind === "corrupt" ? "its bytes in the store are corrupt" : placed.kind === "missing" ? "its bytes are not in this store" : "the disk is full"}\n  next: sluice reproduce ${record.id} computes them again; a service's are where its store is: SLUICE_STORE_URL=… sluice get …\n`,
      );
      code = EXIT.bad;
    }
  }
  return code;
}

/** Outputs go below a directory at their own paths: nothing on the way there may be a file. */
function checkRoom(target: string, { what, path }: { readonly what: string; readonly path: string }): void {
  for (let above = dirname(target); above !== dirname(above); above = dirname(above)) {
    const standing = statSync(above, { throwIfNoEntry: false });
    if (standing?.isDirectory() === true) return;
    if (standing === undefined) continue;
    throw new Refusal(
      EXIT.usage,
      `${above} is no directory, and -o names the directory that ${path} is put in\n  next: sluice get ${what} -o DIR writes ${join("DIR", path)}`,
    );
  }
}

/** A run that lacks what is asked of it, and the newest one of its pipeline that succeeded. */
async function without(
  { record, ledger }: Selected,
  path: string | undefined,
  outputs: readonly OutputRecord[],
): Promise<Refusal> {
  const short = shortIds(ledger.history);
  const [better] = ledger.history.runs({ pipeline: record.pipeline.id, status: "succeeded", limit: 1 });
  const what = path === undefined ? "no outputs" : `no output ${path}`;
  const ended = record.status === "succeeded" ? "" : ` (it ${record.status})`;
  const other = better === undefined || better.id === record.id ? undefined : short(better.id);
  const next =
    other !== undefined && record.status !== "succeeded"
      ? `run ${other} of ${record.pipeline.name} succeeded: sluice get ${other}${path === undefined ? "" : `:${path}`}`
      : `it has ${outputs.map((output) => output.path).join(", ") || "none"}`;
  return new Refusal(EXIT.usage, `run ${short(record.id)}${ended} has ${what}\n  next: ${next}`);
}

/** `<run>[:<path>]`, where a run may be `<environment>:<pipeline>`: what names no pipeline is a path. */
async function partsOf(
  what: string,
  { repository, project }: Pick<Session, "repository" | "project">,
): Promise<{ readonly run: string; readonly path: string | undefined }> {
  const [first = "", second, ...rest] = what.split(":");
  if (second === undefined) return { run: first, path: undefined };
  const environments = await environmentsOf(repository, await repository.ledger(), project.pipelines);
  const declared = project.settings.environments.some(({ name }) => name === first);
  const pipelines = [
    ...(environments.get(first)?.pipelines.keys() ?? []),
    ...(declared ? project.pipelines.map(({ pipeline }) => pipeline.id) : []),
  ];
  const pipeline = second.replace(/~\d*$/, "");
  // No path begins with the name of a pipeline and a colon: an environment was meant, whether or not it is declared.
  const named = rest.length > 0 && project.pipelines.some(({ pipeline: { id } }) => id === pipeline);
  if (!named && !pipelines.includes(pipeline)) return { run: first, path: [second, ...rest].join(":") };
  return { run: `${first}:${second}`, path: rest.length === 0 ? undefined : rest.join(":") };
}

/** An output whole, or the file or all files of the directory at a path inside it. */
async function partsIn(
  store: Store,
  output: OutputRecord,
  path: string | undefined,
): Promise<readonly Pick<OutputRecord, "path" | "kind" | "digest">[]> {
  if (path === undefined || path === output.path) return [output];
  const inside = path.slice(output.path.length + 1);
  const entries = (await store.listing(output.digest)) ?? [];
  const found = entries.flatMap((entry) =>
    "link" in entry || (entry.path !== inside && !entry.path.startsWith(`${inside}/`)) ? [] : [entry],
  );
  if (found.length === 0) {
    const some = entries.slice(0, 10).map((one) => `${output.path}/${one.path}`);
    throw new Refusal(
      EXIT.usage,
      `${output.path} holds no file ${inside}\n  next: it has ${some.join(", ") || "nothing"}`,
    );
  }
  return found.map((entry) => ({
    path: `${output.path}/${entry.path}`,
    kind: entry.x ? "executable" : "file",
    digest: entry.digest,
  }));
}
