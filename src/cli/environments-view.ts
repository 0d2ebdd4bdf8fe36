import { digestOf, type RunId } from "../identity/identity.ts";
import { LOCAL_LEDGER, manifestPath } from "../manifest/ledger-paths.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import type { Standing } from "../release/environment-state.ts";
import type { GateOutcome } from "../release/evidence.ts";
import { releaseOf, type Release } from "../release/release.ts";
import { parseEvent } from "../release/release-event.ts";
import { isSame } from "../release/reproduction.ts";
import type { EnvironmentsView } from "../report/environments-text.ts";
import { environmentsOf } from "./environments.ts";
import { reproducedIn } from "./reproduced.ts";
import type { Session } from "./session.ts";
import type { Ledger, Repository } from "./world.ts";

/** What is live, held and asked for, by the settings here and the ledger as it was fetched; undefined: no environments. */
export async function environmentsView({ world, repository, project }: Session): Promise<EnvironmentsView | undefined> {
  const { environments } = project.settings;
  const ledger = await repository.ledger();
  if (environments.length === 0 && ledger.ref === LOCAL_LEDGER) return undefined;
  const { overviewOf } = await import("../release/overview.ts");
  const states = await environmentsOf(repository, ledger, project.pipelines);
  const judged = new Map<Standing, readonly GateOutcome[]>();
  for (const environment of environments)
    for (const standing of states.get(environment.name)?.pipelines.values() ?? [])
      judged.set(standing, await gatesOf({ repository, ledger }, environment, standing));
  return {
    ledger: { ref: ledger.ref, newest: newestIn(ledger) },
    environments: overviewOf({
      environments,
      states,
      gates: (standing) => judged.get(standing) ?? [],
      now: world.clock.now(),
    }),
  };
}

interface Place {
  readonly repository: Repository;
  readonly ledger: Ledger;
}

async function gatesOf(
  place: Place,
  { name, gates }: EnvironmentSettings,
  { request, live }: Standing,
): Promise<readonly GateOutcome[]> {
  if (request === null || gates.length === 0) return [];
  const record = await place.ledger.history.record(request.run);
  const release = await releaseAt(place, request.run);
  if (record === undefined || release === undefined) return [];
  const { judgeGates, readReproducible } = await import("../policy/gate.ts");
  const before = live === null ? null : ((await releaseAt(place, live.run)) ?? null);
  const again = readReproducible(gates) ? await reproducedIn(place.repository, place.ledger, request.run) : null;
  const reproducible = again !== null && isSame(again) ? true : null;
  return judgeGates(gates, { environment: name, record, release, live: before, reproducible });
}

/** What a recorded run gives to promote; undefined where the ledger does not have it. */
export async function releaseAt({ repository, ledger }: Place, run: RunId): Promise<Release | undefined> {
  const head = await repository.git.resolve(ledger.ref);
  const record = await ledger.history.record(run);
  const bytes = head === undefined ? undefined : await repository.git.file(head, manifestPath(run));
  return record === undefined || bytes === undefined ? undefined : releaseOf(record, digestOf(bytes));
}

/** When the ledger was written to last, as far as this clone knows. */
function newestIn({ history }: Ledger): string | null {
  const event = history.events().at(-1);
  const times = [
    history.runs({ limit: 1 })[0]?.finishedAt,
    event === undefined ? undefined : parseEvent(event.payload)?.event.at,
  ].filter((time) => time !== undefined);
  return times.toSorted().at(-1) ?? null;
}
