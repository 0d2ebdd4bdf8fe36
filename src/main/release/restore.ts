import { openPromotion } from "../../controller/open-promotion.ts";
import type { Answer } from "../../forge/forge.ts";
import { againAfter, isNotNow } from "../../forge/looked.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { Person, RepositoryRef } from "../../identity/repository.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { again, DONE, wake, type At } from "../serve/at.ts";
import { leave, orderOf } from "./promotion-hand.ts";
import { inPromotionsTurn } from "./promotions.ts";
import { placeOf, type Place } from "./promotion-place.ts";
import type { Performed } from "../../queue/queue.ts";
import { standingOf } from "../../release/environment-state.ts";
import { promotionTitle } from "../../report/promotion-summary.ts";

/** Puts back what Sluice wrote into an open promotion that people changed by hand; one that is as it was stays so. */
export async function restorePromotion(
  place: Place,
  of: { readonly environment: string; readonly pipeline: string },
): Promise<Answer<null>> {
  const { forge, mirror } = place.repository;
  const environment = place.project.settings.environments.find(({ name }) => name === of.environment);
  const folded = await place.repository.releases.states();
  const { request } = standingOf(folded.get(of.environment), of.pipeline);
  if (environment === undefined || request === null || request.pullRequest === null) return RESTORED;
  const pull = await forge.pullRequest(request.pullRequest);
  if (pull.kind !== "ok") return pull;
  if (pull.value.state !== "open") return RESTORED;
  const order = await orderOf(place, { environment, pipeline: of.pipeline, request, folded });
  if (order.kind !== "ok") return order.kind === "not-found" ? RESTORED : order;
  const { candidate, evidence } = order.value;
  const opened = await openPromotion(
    { forge, mirror },
    {
      ...place,
      pin: { ...candidate, ...of },
      evidence,
      title: promotionTitle({ environment: of.environment, candidate }),
      body: pull.value.body,
      restore: true,
    },
  );
  return opened.kind === "ok" || opened.kind === "not-found" ? RESTORED : opened;
}

const RESTORED: Answer<null> = { kind: "ok", value: null };

/** The button of a promotion's check, for whoever may promote. */
export async function restoreByButton(
  at: At,
  ref: RepositoryRef,
  { head, sender }: { readonly head: CommitSha; readonly sender: Person },
): Promise<Performed> {
  const repository = await at.service.repository(ref);
  const restored = await inPromotionsTurn(at, ref, (lost) => restoreNow(at, repository, { head, sender, lost }));
  if (restored.kind === "again") return restored;
  await wake(at, { kind: "promotions", repository: ref });
  return DONE;
}

async function restoreNow(
  at: At,
  repository: ForgeRepository,
  { head, sender, lost }: { readonly head: CommitSha; readonly sender: Person; readonly lost: AbortSignal },
): Promise<Performed> {
  const placed = await placeOf(at.service, repository, lost);
  if (placed.kind === "later") return again(5_000, placed.why);
  if (placed.kind === "none" || sender.bot) return DONE;
  const { place } = placed;
  const may = await leave(place, "promote").asks(sender.login);
  if (isNotNow(may)) return again(againAfter(may, at.service.parts.clock.now()));
  if (may.kind !== "ok" || !may.value) return DONE;
  const pulls = await repository.forge.pullRequestsOf(head);
  if (pulls.kind !== "ok") return again(5_000);
  const numbers = pulls.value.filter(({ state }) => state === "open").map(({ number }) => number);
  for (const [environment, { pipelines }] of await place.repository.releases.states()) {
    for (const [pipeline, { request }] of pipelines) {
      if (request === null || !numbers.includes(request.pullRequest ?? 0)) continue;
      const restored = await restorePromotion(place, { environment, pipeline });
      if (restored.kind !== "ok") return again(5_000);
    }
  }
  return DONE;
}
