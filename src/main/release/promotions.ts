import type { RepositoryRef } from "../../identity/repository.ts";
import type { Desired } from "../../forge/desired.ts";
import { again, DONE, type At } from "../serve/at.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { tellDrift, tellTaken } from "../serve/notices.ts";
import { forgetLabelled, labelledChanges } from "./late-changes.ts";
import { tellMissing } from "./missing.ts";
import { takeOffline, type TakenOffline } from "./offline.ts";
import { takeDeployments } from "./deployments.ts";
import { LOOK_AGAIN_MS } from "../run/orders.ts";
import { placeOf, type Place } from "./promotion-place.ts";
import { NotRecordedNow } from "./record-releases.ts";
import { takeNext } from "./promotion-hand.ts";
import { takeRest } from "./promotion-rest.ts";
import { takeRequests } from "./take-requests.ts";
import { tellRefusedLabels } from "./refused-labels.ts";
import type { Performed } from "../../queue/queue.ts";
import { desire } from "../../worker.ts";

/** What waits longer is found by the next look, which comes every minute. */
const MINUTE = 60_000;
/** The forge could not be asked, or the ledger took nothing: whoever waits for a release waits no longer than this. */
const LATER_MS = 5_000;
/** What people ask of environments waits for one turn of a look, which is longer than it was meant to be where the forge is slow. */
const PEOPLE_WAIT_MS = 10_000;
/** No promotion is begun later than this in a turn. */
const TURN_MS = 2_000;
/** A look that does not come to its turn for so long begins anew: it keeps other repositories waiting. */
const GIVES_UP_MS = 30_000;
/** Whoever waits in another process asks for the turn more often than this. */
const GIVE_WAY_MS = 200;

type Again = Extract<Performed, { kind: "again" }>;

/**
 * Does what changes a repository's environments in turn: two looks at once would ask for the same pull request, and what
 * somebody holds while another look merges would be crossed. To be done again where another process takes long, or
 * the ledger takes nothing.
 */
export async function inPromotionsTurn<Value>(
  at: At,
  repository: RepositoryRef,
  work: (lost: AbortSignal) => Promise<Value>,
): Promise<Value | Again> {
  return (await inTurn(at, repository, { work, patienceMs: PEOPLE_WAIT_MS })) ?? { kind: "again", afterMs: 1_000 };
}

/** Undefined where it did not come to its turn. */
async function inTurn<Value>(
  at: At,
  { id }: RepositoryRef,
  { work, patienceMs }: { readonly work: (lost: AbortSignal) => Promise<Value>; readonly patienceMs?: number },
): Promise<Value | Again | undefined> {
  try {
    return await at.inTurn(`promotions-${id}`, work, patienceMs);
  } catch (error) {
    if (!(error instanceof NotRecordedNow)) throw error;
    return { kind: "again", afterMs: LATER_MS, why: error.message };
  }
}

/** How far one look at all promotions of a repository came. */
interface Progress {
  asked: boolean;
  released: boolean;
  again: number | null;
  /** What this look took already (`prod/digits`): each once, so that the last ones come as well. */
  readonly taken: Set<string>;
  /** Of what was done offline. */
  readonly news: Set<string>;
}

/**
 * Takes every promotion of a repository as far as it goes now. It gives its turn back after each release and every two
 * seconds, and reads everything anew: a hold that is said meanwhile is recorded before the next one is merged.
 */
export async function promotions(at: At, repository: ForgeRepository): Promise<Performed> {
  const { clock } = at.service.parts;
  const progress: Progress = { asked: false, released: false, again: null, taken: new Set(), news: new Set() };
  let came = clock.now();
  for (;;) {
    const work = (lost: AbortSignal) => takeTurn(at, repository, { lost, progress });
    const done = await inTurn(at, repository.forge.repository, { work });
    if (done !== undefined && done.kind !== "more") return done;
    // To begin anew where others take long would be to take the first ones again, and never the last.
    if (done !== undefined) came = clock.now();
    else if (!progress.asked || clock.now() - came > GIVES_UP_MS) return again(1_000);
    await clock.wait(GIVE_WAY_MS, NEVER);
  }
}

const NEVER = new AbortController().signal;

interface Look {
  readonly at: At;
  readonly repository: ForgeRepository;
  readonly place: Place;
  readonly progress: Progress;
}

async function takeTurn(
  at: At,
  repository: ForgeRepository,
  { lost, progress }: { readonly lost: AbortSignal; readonly progress: Progress },
): Promise<Performed | { readonly kind: "more" }> {
  const began = at.service.parts.clock.now();
  const placed = await placeOf(at.service, repository, lost);
  if (placed.kind === "later") return again(LATER_MS, placed.why);
  if (placed.kind === "none") return DONE;
  const { place } = placed;
  const look = { at, repository, place, progress };
  // Before anything is decided or deployed: what was done meanwhile is a part of what is.
  const offline = await takeOffline(at, place);
  if (offline === undefined) return again(LOOK_AGAIN_MS);
  for (const { environment, pipeline } of offline.taken) progress.news.add(`${environment}/${pipeline ?? ""}`);
  await tellTaken(at, repository, offline.taken).catch(at.service.parts.onError);
  if (!progress.asked) await takeAsked(look);
  if (!(await takeSome(look, began + TURN_MS))) return { kind: "more" };
  return finish(look, offline);
}

async function takeAsked({ at, repository, place, progress }: Look): Promise<void> {
  const { refused, decided } = await takeRequests(place, (newest) => labelledChanges(at, place, newest));
  const { installation } = repository.forge.repository;
  await desire(at.queue, installation, tellRefusedLabels(refused), repository.forge.repository);
  await forgetLabelled(at, place, decided);
  progress.asked = true;
}

/** One promotion after the other, until something was released, which has moved the tip, or it is late; true: no more. */
async function takeSome(look: Look, until: number): Promise<boolean> {
  const { at, place, progress } = look;
  for (;;) {
    const done = await takeNext(place, progress.taken);
    if (done === undefined) return true;
    progress.again = earlier(progress.again, done.again);
    progress.released ||= done.released;
    await show(look, done.states);
    if (done.released || place.lost.aborted || at.service.parts.clock.now() >= until) return false;
  }
}

/** What a promotion says is handed over as it is done: nobody waits for the others to read it. */
async function show({ at, repository }: Look, states: readonly Desired[]): Promise<void> {
  await desire(at.queue, repository.forge.repository.installation, states, repository.forge.repository);
  await tellDrift(at, repository, states).catch(at.service.parts.onError);
}

async function finish(look: Look, offline: TakenOffline): Promise<Performed> {
  const { at, place, progress } = look;
  const rest = await takeRest(place, progress);
  const deployed = place.lost.aborted ? undefined : await takeDeployments(at, place, progress.news);
  await show(look, [...offline.states, ...rest.states, ...(deployed ?? [])]);
  await tellMissing(at, place).catch(at.service.parts.onError);
  if (deployed === undefined) return again(LOOK_AGAIN_MS);
  // Not before all of it is told: until then the next look finds it as new.
  await offline.forget();
  const next = earlier(progress.again, rest.again);
  return next === null || next > MINUTE ? DONE : again(next);
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}
