import type { Project } from "../../controller/project.ts";
import { recordEvents } from "../../controller/record-events.ts";
import { isNotNow } from "../../forge/looked.ts";
import { digestOf, type CommitSha, type Digest, type RunId } from "../../identity/identity.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import type { Service } from "../serve/parts.ts";
import { checkEnvelope, keyIdOf, publicKeyPem } from "../../manifest/dsse.ts";
import { manifestPath, signaturePath } from "../../manifest/ledger-paths.ts";
import { foldEvents, type EnvironmentState } from "../../release/environment-state.ts";
import type { Operator } from "../../pipeline/operator.ts";
import { eventMemory } from "../../release/event-memory.ts";
import { OFFLINE } from "../../release/offline.ts";
import { releaseOf, type Release } from "../../release/release.ts";
import type { ReleaseEvent, SignedElsewhere } from "../../release/release-event.ts";
import type { RunRecord } from "../../run/run-record.ts";
import type { Signer } from "../../signer/signer.ts";

/** A repository's environments with what they rest on, read at one moment. */
export interface Place {
  readonly service: Service;
  readonly repository: ForgeRepository;
  readonly branch: string;
  readonly tip: CommitSha;
  readonly project: Project;
  /** Ms since 1970, from the forge's clock. */
  readonly now: number;
  /** Aborted when another process may have begun to change these environments. */
  readonly lost: AbortSignal;
}

export type Placed =
  | { readonly kind: "place"; readonly place: Place }
  /** Nothing there has to do with environments. */
  | { readonly kind: "none" }
  /** The forge cannot be asked now. */
  | { readonly kind: "later" };

export async function placeOf(service: Service, repository: ForgeRepository, lost: AbortSignal): Promise<Placed> {
  const { forge, mirror } = repository;
  const about = await forge.about();
  if (isNotNow(about)) return { kind: "later" };
  if (about.kind !== "ok") return { kind: "none" };
  const branch = about.value.defaultBranch;
  const ref = `refs/heads/${branch}`;
  // What was brought since the last look is a part of what is decided on.
  const refreshed = await mirror.refresh([ref, service.parts.ledger, `${OFFLINE}*`]);
  const tip = refreshed.kind === "ok" ? refreshed.refs.get(ref) : undefined;
  if (refreshed.kind === "unreachable") return { kind: "later" };
  if (tip === undefined) return { kind: "none" };
  await repository.history.sync();
  const { project } = await repository.planAt({
    commit: tip,
    tree: null,
    domain: "main",
    against: null,
  });
  // What was asked for while there were environments is not left waiting.
  if (project.settings.environments.length === 0 && repository.history.events().length === 0) return { kind: "none" };
  const now = forge.date() ?? service.parts.clock.now();
  return { kind: "place", place: { service, repository, branch, tip, project, now, lost } };
}

/** Keys whose word counts: the one in use, and those that the operator's file lists, retired or not. */
export function keysOf({ parts: { signer, operator } }: Signing): ReadonlyMap<string, string> {
  return pemsOf(signer, operator.signingKeys);
}

/** Keys that may say something new: one that is retired vouches only for what it signed before. */
export function keysInUse({ parts: { signer, operator } }: Signing): ReadonlyMap<string, string> {
  return pemsOf(
    signer,
    operator.signingKeys.filter(({ retired }) => !retired),
  );
}

interface Signing {
  readonly parts: {
    readonly signer: Pick<Signer, "publicKey">;
    readonly operator: Pick<Operator, "signingKeys">;
  };
}

function pemsOf(
  { publicKey }: Pick<Signer, "publicKey">,
  listed: Operator["signingKeys"],
): ReadonlyMap<string, string> {
  const pems = [publicKey, ...listed.flatMap((key) => publicKeyPem(key.public) ?? [])];
  return new Map(pems.map((pem) => [keyIdOf(pem), pem]));
}

const memories = new WeakMap<ForgeRepository, ReturnType<typeof eventMemory>>();

const folded = new WeakMap<readonly ReleaseEvent[], ReadonlyMap<string, EnvironmentState>>();

export async function statesOf(
  place: Pick<Place, "service" | "repository">,
): Promise<ReadonlyMap<string, EnvironmentState>> {
  const events = await eventsOf(place);
  // As long as nothing came, the events are the very same ones.
  const states = folded.get(events) ?? foldEvents(events);
  folded.set(events, states);
  return states;
}

/** Only what one of our keys signed counts. */
export async function eventsOf({
  service,
  repository,
}: Pick<Place, "service" | "repository">): Promise<readonly ReleaseEvent[]> {
  const { history, forge } = repository;
  await history.sync();
  const counted = memories.get(repository) ?? eventMemory(keysOf(service), String(forge.repository.id));
  memories.set(repository, counted);
  return counted(history.events());
}

interface Recorded {
  readonly run: RunRecord;
  /** Digest of its manifest. */
  readonly manifest: Digest;
  /** Whether one of our keys signed it: anybody who can push could have put another there. */
  readonly signed: boolean;
}

const recorded = new WeakMap<Place, Map<RunId, Promise<Recorded | undefined>>>();

/** What the ledger has of a run, read once for all that one look asks. */
function recordedAt(place: Place, id: RunId): Promise<Recorded | undefined> {
  const known = recorded.get(place) ?? new Map<RunId, Promise<Recorded | undefined>>();
  recorded.set(place, known);
  const read = known.get(id) ?? readRecorded(place, id);
  known.set(id, read);
  return read;
}

async function readRecorded(place: Place, id: RunId): Promise<Recorded | undefined> {
  const { mirror, history } = place.repository;
  const run = await history.record(id);
  const head = await mirror.resolve(place.service.parts.ledger);
  if (run === undefined || head === undefined) return undefined;
  const files = await mirror.files(head, [manifestPath(id), signaturePath(id)]);
  const [manifest, envelope] = [files.get(manifestPath(id)), files.get(signaturePath(id))];
  if (manifest === undefined) return undefined;
  const signed = envelope !== undefined && checkEnvelope(envelope, manifest, keysOf(place.service)).kind === "valid";
  return { run, manifest: digestOf(manifest), signed };
}

export async function runAt(place: Place, id: RunId): Promise<RunRecord | undefined> {
  return (await recordedAt(place, id))?.run;
}

export async function releaseAt(place: Place, id: RunId): Promise<Release | undefined> {
  const found = await recordedAt(place, id);
  return found && releaseOf(found.run, found.manifest);
}

export async function isSigned(place: Place, id: RunId): Promise<boolean> {
  return (await recordedAt(place, id))?.signed ?? false;
}

/** The ledger takes nothing now; everything is decided anew when it is asked again. */
export class NotRecordedNow extends Error {}

/** `signed`: what another of our keys signed already, by path. */
export async function record(
  { service, repository }: Place,
  events: readonly ReleaseEvent[],
  signed: ReadonlyMap<string, SignedElsewhere> = new Map(),
): Promise<void> {
  if (events.length === 0) return;
  const { mirror, forge } = repository;
  const { ledger, signer } = service.parts;
  const recorded = await recordEvents(
    {
      git: mirror,
      signer,
      keys: keysOf(service),
      signed,
      ledger: {
        ref: ledger,
        refresh: async () => void (await mirror.refresh([ledger])),
        publish: ({ from, to }) => mirror.publish([{ ref: ledger, from, to }]),
      },
    },
    String(forge.repository.id),
    events,
  );
  if (recorded.kind === "later") throw new NotRecordedNow(`recording releases: ${recorded.why}`);
}
