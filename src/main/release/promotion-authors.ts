import { findAuthors } from "../../controller/find-authors.ts";
import type { Answer } from "../../forge/forge.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import type { Request } from "../../release/environment-state.ts";
import type { Release } from "../../release/release.ts";
import type { Actor } from "../../release/release-event.ts";
import type { Place } from "./promotion-place.ts";

/** Commits since the live release whose authors are asked for. */
const AUTHORS_REACH = 500;
/** A first release has no beginning; each commit costs two questions to the forge. */
const FIRST_REACH = 50;

export interface Promoting {
  readonly environment: EnvironmentSettings;
  readonly request: Request;
  readonly candidate: Release;
  readonly live: Release | null;
}

/** Who asked for a promotion, and whoever had a hand in what comes between the live release and the candidate (SEMANTICS §11). */
export async function promotionAuthors(
  { now, repository: { forge, mirror, authors } }: Pick<Place, "now" | "repository">,
  { environment: { approvals }, request, candidate, live }: Promoting,
  anew: boolean,
): Promise<Answer<readonly Actor[]>> {
  // Where nobody has to agree, or authors may, it does not matter who they are.
  if (approvals === null || approvals.author) return { kind: "ok", value: [request.by] };
  const line = await mirror.firstParents(candidate.source, AUTHORS_REACH);
  const until = live === null ? -1 : line.indexOf(live.source);
  const since = line.slice(0, live === null ? FIRST_REACH : until < 0 ? AUTHORS_REACH : until);
  const found = await findAuthors(forge, since, { known: authors, now, anew });
  return found.kind === "ok" ? { kind: "ok", value: [request.by, ...found.value] } : found;
}
