import type { Project } from "../../controller/project.ts";
import { isNotNow } from "../../forge/looked.ts";
import type { Mirror } from "../../git/mirror.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import type { Service } from "../serve/parts.ts";
import { OFFLINE } from "../../release/offline.ts";
import { releasesOf } from "./releases.ts";
import { recordedRuns, type RecordedRuns } from "./recorded-runs.ts";
import { keysOf } from "./signing-keys.ts";

/** Commits on the first-parent line. */
const LINE = 5_000;

/** A repository's environments with what they rest on, read at one moment. */
export interface Place {
  readonly service: Service;
  /** Its releases go by what pipelines are called at the tip. */
  readonly repository: ForgeRepository;
  readonly branch: string;
  readonly tip: CommitSha;
  readonly project: Project;
  /** Ms since 1970, from the forge's clock, at the moment of asking: a look may take long. */
  readonly now: number;
  /** Aborted when another process may have begun to change these environments. */
  readonly lost: AbortSignal;
  readonly runs: RecordedRuns;
  /** Commits of the default branch among which a candidate has to be. */
  readonly line: () => Promise<ReadonlySet<CommitSha>>;
}

export type Placed =
  | { readonly kind: "place"; readonly place: Place }
  /** Nothing there has to do with environments. */
  | { readonly kind: "none" }
  /** The forge cannot be asked now. */
  | { readonly kind: "later"; readonly why: string };

export async function placeOf(service: Service, repository: ForgeRepository, lost: AbortSignal): Promise<Placed> {
  const { forge, mirror } = repository;
  const about = await forge.about();
  if (isNotNow(about)) return { kind: "later", why: about.why };
  if (about.kind !== "ok") return { kind: "none" };
  const branch = about.value.defaultBranch;
  const ref = `refs/heads/${branch}`;
  // What was brought since the last look is a part of what is decided on.
  const refreshed = await mirror.refresh([ref, service.parts.ledger, `${OFFLINE}*`]);
  const tip = refreshed.kind === "ok" ? refreshed.refs.get(ref) : undefined;
  if (refreshed.kind === "unreachable") return { kind: "later", why: refreshed.why };
  if (tip === undefined) return { kind: "none" };
  await repository.history.sync();
  const { settings } = await repository.rulesAt(tip);
  // What was asked for while there were environments is not left waiting.
  if (settings.environments.length === 0 && repository.history.events().length === 0) return { kind: "none" };
  const project = await repository.projectAt(tip);
  const own = { keys: keysOf(service.parts), repository: String(forge.repository.id) };
  const runs = recordedRuns({ mirror, history: repository.history, ...own });
  const named = { ...repository, releases: releasesOf(repository.releases, project) };
  return {
    kind: "place",
    place: {
      service,
      repository: named,
      branch,
      tip,
      project,
      lost,
      runs,
      line: lineTo(mirror, tip),
      get now() {
        return forge.date() ?? service.parts.clock.now();
      },
    },
  };
}

/** Read once for all that one look asks. */
function lineTo(mirror: Mirror, tip: CommitSha): Place["line"] {
  let line: ReadonlySet<CommitSha> | undefined;
  return async () => (line ??= new Set(await mirror.firstParents(tip, LINE)));
}
