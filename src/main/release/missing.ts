import { missingArtifacts } from "../../controller/missing-artifacts.ts";
import type { At } from "../serve/at.ts";
import { tellDrift } from "../serve/notices.ts";
import type { Place } from "./promotion-place.ts";
import { missingIssue, type DriftIssue } from "../../report/drift.ts";
import { desire } from "../../worker.ts";

/** One issue for each release that is live and lost bytes in the store; it closes when they are back. */
export async function tellMissing(at: At, place: Place): Promise<void> {
  const { queue } = at;
  const { repository } = place.repository.forge;
  const table = `missing-artifacts/${repository.id}`;
  // Nothing is asked of the forge for releases that were always whole.
  const told = await queue.table.entries(table);
  const found = await missingIn(at, place);
  const mended = told.flatMap(({ key }) => (found.has(key) ? [] : [{ marker: key, title: "", body: "", open: false }]));
  const issues = [...found.values(), ...mended].map((issue) => ({ kind: "issue", ...issue }) as const);
  if (issues.length === 0) return;
  for (const { marker, title } of found.values()) await queue.table.put(table, marker, title);
  await desire(queue, repository.installation, issues, repository);
  await tellDrift(at, place.repository, issues);
  for (const { marker } of mended) await queue.table.remove(table, marker);
}

/** Promotions are looked at with each delivery, and a bucket is asked for each artifact. */
const WHOLE_FOR_MS = 15_000;

async function missingIn({ whole, service }: At, place: Place): Promise<ReadonlyMap<string, DriftIssue>> {
  const { store, clock } = service.parts;
  const now = clock.now();
  for (const [run, at] of whole) if (now - at >= WHOLE_FOR_MS) whole.delete(run);
  const found = new Map<string, DriftIssue>();
  const states = await place.repository.releases.states();
  for (const { name: environment } of place.project.settings.environments) {
    for (const [pipeline, { live }] of states.get(environment)?.pipelines ?? []) {
      const release = live === null || whole.has(live.run) ? undefined : await place.runs.release(live.run);
      if (release === undefined) continue;
      const gone = await missingArtifacts(store, release);
      if (gone.length === 0) {
        whole.set(release.run, now);
        continue;
      }
      const issue = missingIssue({ environment, pipeline }, release, gone);
      found.set(issue.marker, issue);
    }
  }
  return found;
}
