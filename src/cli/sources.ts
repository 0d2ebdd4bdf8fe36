import type { Digest } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";
import { pins } from "./ground.ts";
import type { Runnable } from "./runnable.ts";
import type { Session } from "./session.ts";

/** Files and datasets that the steps of a run read, by digest. */
export function describeSources(runnable: Runnable): Pick<RunRecord, "sources" | "datasets"> {
  const sources: Record<string, Digest> = {};
  for (const path of runnable.resolution.sources) {
    const fact = runnable.sources.get(path);
    if (fact !== undefined) sources[path] = fact.digest;
  }
  const datasets = [...runnable.datasets].flatMap(([name, state]) =>
    state.kind === "ready" ? [{ name, path: state.path, digest: state.digest, size: state.size, uri: state.uri }] : [],
  );
  return { sources, datasets };
}

/**
 * Bytes of all files that a run reads, when any of them differs from the commit (SEMANTICS §2: a run is dirty when a
 * file it reads does); empty for a clean run.
 */
export async function dirtyFiles(session: Session, runnable: Runnable): Promise<ReadonlyMap<string, Uint8Array>> {
  const { repository, project } = session;
  const commit = project.view.commit;
  const none = new Map<string, Uint8Array>();
  if (commit === null) return none;
  const { file } = runnable;
  const definition = [file.path, "sluice.yaml", ...file.parameterFiles.map(({ path }) => path), ...pins(file.pipeline)];
  const paths = [...new Set([...definition, ...runnable.resolution.sources])];
  const [now, then] = await Promise.all([project.view.facts(paths), repository.commit(commit).facts(paths)]);
  const changed = paths.some(
    (path) =>
      now.get(path)?.digest !== then.get(path)?.digest || now.get(path)?.executable !== then.get(path)?.executable,
  );
  if (!changed) return none;
  const differing = new Map<string, Uint8Array>();
  for (const path of paths) {
    if (now.get(path)?.digest === then.get(path)?.digest) continue;
    const bytes = await project.view.read(path);
    if (bytes !== undefined) differing.set(path, bytes);
  }
  return differing;
}
