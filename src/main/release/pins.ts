import { findRevert, type Reverted } from "../../controller/find-revert.ts";
import { againAfter, isNotNow, SETTLED, together, type Looked } from "../../forge/looked.ts";
import { openPromotion } from "../../controller/open-promotion.ts";
import { mergeNow } from "../../controller/promote/promote.ts";
import { withdraw } from "../../controller/withdraw.ts";
import type { Desired } from "../../forge/desired.ts";
import { digestOf } from "../../identity/identity.ts";
import { leaveOf } from "./promotion-leave.ts";
import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";
import { standingOf, type EnvironmentState, type Live, type Standing } from "../../release/environment-state.ts";
import type { ReleaseEvent } from "../../release/release-event.ts";
import { parsePin, pinPath, promotionBranch, renderPin, type Pin } from "../../release/release.ts";
import { pinIssue, strangePinsIssue } from "../../report/drift.ts";
import { promotionRefusedIssue } from "../../report/promotion-refused.ts";
import { fourCharacters } from "../../report/words.ts";

/**
 * Pins follow the ledger: after a rollback the default branch still names the release before, and one pull request of
 * ours, merged at once, puts that right. A pin that differs otherwise is a rollback by whoever merged it, where it is
 * one of before and they may; else it is somebody's hand, and one issue says so.
 */
export async function followPins(place: Place, states: ReadonlyMap<string, EnvironmentState>): Promise<Looked> {
  const looks: Looked[] = [];
  for (const environment of place.project.settings.environments) {
    if (environment.auto && environment.approvals === null) continue;
    for (const [pipeline, standing] of states.get(environment.name)?.pipelines ?? [])
      looks.push(await followPin(place, { environment: environment.name, pipeline, standing }));
  }
  return together([...looks, { states: [await pinsOfNothing(place, states)], again: null }]);
}

interface Followed {
  readonly environment: string;
  readonly pipeline: string;
  readonly standing: Standing;
}

async function followPin(place: Place, { environment, pipeline, standing }: Followed): Promise<Looked> {
  const { live, request } = standing;
  if (live === null) return SETTLED;
  const pin = await pinOf(place, { environment, pipeline, live });
  if (pin === undefined) return SETTLED;
  const { text, same } = await pinnedAt(place, pin);
  const reverted =
    same || text === undefined ? DRIFT : await revertIn(place, { environment, pipeline, standing }, text);
  if (reverted.kind === "later") return { states: [], again: againAfter(reverted.answer, place.now) };
  if (reverted.kind === "rolled-back") return takeRollback(place, { environment, pipeline, request }, reverted.event);
  // What was asked for may be merged, and its release not recorded yet.
  if (request !== null && !same && reverted.why === null) return SETTLED;
  if (!same && live.how !== "released") return putRight(place, { pin, live });
  return { states: [{ kind: "issue", ...pinIssue(pin, { same, why: reverted.why }) }], again: null };
}

/** What the default branch pins; until something is promoted under a new name the pin under the last one counts. */
async function pinnedAt(
  place: Place,
  pin: Pin,
): Promise<{ readonly text: string | undefined; readonly same: boolean }> {
  const { pipelines } = place.project;
  const was = pipelines.find(({ pipeline }) => pipeline.id === pin.pipeline)?.pipeline.was ?? [];
  for (const name of [pin.pipeline, ...was]) {
    const named = { ...pin, pipeline: name };
    const bytes = await place.repository.mirror.file(place.tip, pinPath(named));
    if (bytes === undefined) continue;
    const text = new TextDecoder().decode(bytes);
    return { text, same: text === renderPin(named) };
  }
  return { text: undefined, same: false };
}

const DRIFT = { kind: "drift", why: null } as const;

async function revertIn(place: Place, { environment, pipeline, standing }: Followed, text: string): Promise<Reverted> {
  // A release of ours that is merged and not recorded yet is no revert.
  if (standing.request !== null && parsePin(text)?.run === standing.request.run) return DRIFT;
  const { repository, project, branch, tip, now } = place;
  const { forge, mirror } = repository;
  const { permissions } = project.settings;
  const events = await place.repository.releases.events();
  const leave = leaveOf(forge, { deed: "rollback", permissions, from: null });
  return findRevert(
    { forge, mirror, mayRollBack: (login) => leave.asks(login) },
    { environment, pipeline, standing, events, branch, tip, pin: text, at: new Date(now).toISOString() },
  );
}

/** What was asked for ends with the rollback, as it does by the command. */
async function takeRollback(
  place: Place,
  { environment, pipeline, request }: Pick<Followed, "environment" | "pipeline"> & Pick<Standing, "request">,
  event: ReleaseEvent,
): Promise<Looked> {
  const ended =
    request === null
      ? SETTLED
      : await withdraw(
          { forge: place.repository.forge, record: (events) => record(place, events) },
          {
            environment,
            pipeline,
            request,
            why: `${event.by.login} rolled ${environment} back ${event.reason ?? ""}`,
            next: `/sluice unhold ${environment}/${pipeline}, then /sluice promote ${environment} ${pipeline}`,
            cause: `${event.cause}/${request.cause}`,
            now: place.now,
          },
        );
  // Recorded before, the rollback would be none to take any more, and what was asked for would stay open.
  if (ended.again === null) await record(place, [event]);
  return ended;
}

const PIN = /^environments\/([^/]+)\/(.+)\.yaml$/;

/** Pins of what was never released, told in one issue. */
async function pinsOfNothing(
  { repository, tip, project }: Place,
  states: ReadonlyMap<string, EnvironmentState>,
): Promise<Desired> {
  const names = new Set(project.settings.environments.map(({ name }) => name));
  const files = await repository.view(tip).files();
  const there = new Set(files.map(({ path }) => path));
  const paths = files.flatMap(({ path }) => {
    const [, environment = "", pipeline = ""] = PIN.exec(path) ?? [];
    const state = states.get(environment);
    const now = state?.renames?.get(pipeline);
    const replaced = now !== undefined && there.has(pinPath({ environment, pipeline: now }));
    const { live, request } = standingOf(state, pipeline);
    return names.has(environment) && (replaced || (live === null && request === null)) ? [path] : [];
  });
  return { kind: "issue", ...strangePinsIssue(paths) };
}

async function pinOf(
  place: Place,
  { environment, pipeline, live }: { readonly environment: string; readonly pipeline: string; readonly live: Live },
): Promise<Pin | undefined> {
  const release = await place.runs.release(live.run);
  if (release === undefined) return undefined;
  const { run, manifest, source } = release;
  return { environment, pipeline, run, manifest, source };
}

/** The rollback itself stands in the ledger already; where the forge's rules refuse the merge, a person does it. */
async function putRight(
  { repository, branch, tip, now }: Place,
  { pin, live }: { readonly pin: Pin; readonly live: Live },
): Promise<Looked> {
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
  if (isNotNow(opened)) return { states: [], again: againAfter(opened, now) };
  if (opened.kind !== "ok" && opened.kind !== "refused") return SETTLED;
  const why = opened.kind === "refused" ? opened.why : null;
  const states = [promotionRefusedIssue({ ...pin, branch: promotionBranch(pin), why })];
  if (opened.kind === "refused" || !opened.value.valid) return { states, again: null };
  const merged = await mergeNow({ forge }, opened.value.pullRequest, title);
  return { states, again: isNotNow(merged) ? againAfter(merged, now) : null };
}
