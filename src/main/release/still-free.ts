import { settingsErrors, type Project } from "../../controller/project.ts";
import type { CommitSha } from "../../identity/identity.ts";
import { canonicalJson } from "../../identity/canonical-json.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import { standingOf, type Request } from "../../release/environment-state.ts";
import { planDeployment } from "./deployments.ts";
import { evidenceFiles } from "./evidence.ts";
import type { Place } from "./promotion-place.ts";

interface Asked {
  readonly environment: EnvironmentSettings;
  readonly pipeline: string;
  readonly request: Pick<Request, "run">;
}

/**
 * Whether what was decided a moment ago may be done: nobody holds it by now, the default branch demands what it did then,
 * and nobody else has begun to decide. What came meanwhile is a part of what the next look decides on.
 */
export async function stillFree(place: Place, asked: Asked): Promise<boolean> {
  const { mirror, releases } = place.repository;
  const ref = `refs/heads/${place.branch}`;
  const refreshed = await mirror.refresh([place.service.parts.ledger, ref]);
  const tip = refreshed.kind === "ok" ? refreshed.refs.get(ref) : undefined;
  if (tip === undefined || place.lost.aborted) return false;
  const state = (await releases.states()).get(asked.environment.name);
  if (standingOf(state, asked.pipeline).hold !== null || (state?.freeze ?? null) !== null) return false;
  return tip === place.tip || asksTheSame(place, asked, tip);
}

/** Approvals die with what they were given for (SEMANTICS §11), not with commits that have nothing to do with it. */
async function asksTheSame(place: Place, asked: Asked, tip: CommitSha): Promise<boolean> {
  const moved = { ...place, tip, project: await place.repository.projectAt(tip) };
  const run = await place.runs.run(asked.request.run);
  // Gone, or not to be read: then nobody knows what it was called, and what it is held to.
  const there = moved.project.pipelines.some((file) => file.pipeline.id === asked.pipeline);
  if (run === undefined || !there || (await place.repository.mirror.mergeBase(run.source, tip)) !== run.source)
    return false;
  return canonicalJson(await filesOf(moved, asked)) === canonicalJson(await filesOf(place, asked));
}

async function filesOf(place: Place, { environment, pipeline, request }: Asked): ReturnType<typeof evidenceFiles> {
  const deploy = environment.deploy === null ? null : await planDeployment(place, environment, request.run);
  return evidenceFiles(place, { environment, pipeline, deploy });
}

/** Whether a project has the pipeline of a run no more; a file or settings that cannot be read say nothing of that. */
export function isGone(
  project: Project,
  pipeline: string,
  { pipeline: { path } }: { readonly pipeline: { readonly path: string } },
): boolean {
  const there = project.pipelines.some((file) => file.pipeline.id === pipeline) || project.broken.includes(path);
  return !there && settingsErrors(project).length === 0;
}
