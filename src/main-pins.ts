import { openPromotion } from "./controller/open-promotion.ts";
import type { Desired } from "./forge/desired.ts";
import { digestOf } from "./identity/identity.ts";
import { releaseAt, type Place } from "./main-promotion-place.ts";
import type { EnvironmentSettings } from "./pipeline/settings.ts";
import type { EnvironmentState, Live } from "./release/environment-state.ts";
import { pinPath, renderPin, type Pin } from "./release/release.ts";
import { fourCharacters } from "./report/words.ts";

/**
 * Pins follow the ledger: after a rollback the default branch still names the release before, and one pull request of
 * ours, merged at once, puts that right. A pin that differs otherwise is somebody's hand, and one issue says so.
 */
export async function followPins(
  place: Place,
  states: ReadonlyMap<string, EnvironmentState>,
): Promise<readonly Desired[]> {
  const wanted: Desired[] = [];
  for (const environment of place.project.settings.environments) {
    if (environment.auto && environment.approvals === null) continue;
    for (const [pipeline, { live, request }] of states.get(environment.name)?.pipelines ?? []) {
      if (live === null || request !== null) continue;
      const pin = await pinOf(place, { environment, pipeline, live });
      if (pin === undefined) continue;
      const bytes = await place.repository.mirror.file(place.tip, pinPath(pin));
      const same = bytes !== undefined && new TextDecoder().decode(bytes) === renderPin(pin);
      if (!same && live.how !== "released") wanted.push(...(await putRight(place, { pin, live })));
      else wanted.push(driftIssue(pin, same));
    }
  }
  return wanted;
}

async function pinOf(
  place: Place,
  {
    environment,
    pipeline,
    live,
  }: { readonly environment: EnvironmentSettings; readonly pipeline: string; readonly live: Live },
): Promise<Pin | undefined> {
  const release = await releaseAt(place, live.run);
  if (release === undefined) return undefined;
  const { run, manifest, source } = release;
  return { environment: environment.name, pipeline, run, manifest, source };
}

/** The rollback itself stands in the ledger already; where the forge's rules refuse the merge, a person does it. */
async function putRight(
  { repository, branch, tip, now }: Place,
  { pin, live }: { readonly pin: Pin; readonly live: Live },
): Promise<readonly Desired[]> {
  const { forge, mirror } = repository;
  const evidence = digestOf(`${live.how} ${pin.run} ${live.since}`);
  const to = `run ${fourCharacters(pin.run)}`;
  const forced = live.how === "forced";
  const title = forced
    ? `Bring ${pin.pipeline} in ${pin.environment} to ${to}, which was forced`
    : `Roll ${pin.pipeline} back in ${pin.environment} to ${to}`;
  const what = forced ? "this release, forced" : "this rollback, asked for";
  const body = `The ledger holds ${what} by \`${live.by.login}\`; this brings the pin to it.\n`;
  const opened = await openPromotion({ forge, mirror }, { pin, evidence, branch, tip, now, title, body });
  if (opened.kind !== "ok" || !opened.value.valid) return [];
  const { number, head } = opened.value.pullRequest;
  await forge.merge(number, { sha: head.sha, title });
  return [];
}

function driftIssue(pin: Pin, same: boolean): Desired {
  const marker = `<!-- sluice:drift ${pin.environment}/${pin.pipeline} -->`;
  return {
    kind: "issue",
    marker,
    title: `${pinPath(pin)} is not what was released`,
    body: `${marker}\nThe ledger says that run \`${pin.run}\` is live in \`${pin.environment}\`, and \`${pinPath(pin)}\` says something else.\n\n**Next:** revert the commit that changed the file, or promote what should be live: \`/sluice promote ${pin.environment} ${pin.pipeline}\`.\n`,
    open: !same,
  };
}
