import type { Project } from "./controller/project.ts";
import { recordEvents } from "./controller/record-events.ts";
import { digestOf, type CommitSha, type RunId } from "./identity/identity.ts";
import type { ForgeRepository } from "./main-forge-repository.ts";
import type { Service } from "./main-service.ts";
import { checkEnvelope, keyIdOf, publicKeyPem } from "./manifest/dsse.ts";
import { manifestPath, signaturePath } from "./manifest/ledger-paths.ts";
import { foldEvents, type EnvironmentState } from "./release/environment-state.ts";
import { eventMemory } from "./release/event-memory.ts";
import { releaseOf, type Release } from "./release/release.ts";
import type { ReleaseEvent, SignedElsewhere } from "./release/release-event.ts";

/** A repository's environments with what they rest on, read at one moment. */
export interface Place {
  readonly service: Service;
  readonly repository: ForgeRepository;
  readonly branch: string;
  readonly tip: CommitSha;
  readonly project: Project;
  /** Ms since 1970, from the forge's clock. */
  readonly now: number;
}

export async function placeOf(service: Service, repository: ForgeRepository): Promise<Place | undefined> {
  const { forge, mirror } = repository;
  const about = await forge.about();
  if (about.kind !== "ok") return undefined;
  const branch = about.value.defaultBranch;
  const ref = `refs/heads/${branch}`;
  const refreshed = await mirror.refresh([ref, service.parts.ledger]);
  const tip = refreshed.kind === "ok" ? refreshed.refs.get(ref) : undefined;
  if (tip === undefined) return undefined;
  await repository.history.sync();
  const { project } = await repository.planAt({
    commit: tip,
    tree: null,
    domain: "main",
    against: null,
  });
  // What was asked for while there were environments is not left waiting.
  if (project.settings.environments.length === 0 && repository.history.events().length === 0) return undefined;
  return {
    service,
    repository,
    branch,
    tip,
    project,
    now: forge.date() ?? service.parts.clock.now(),
  };
}

/** Keys whose word counts: the one in use, and those that the operator's file lists, retired or not. */
export function keysOf({ parts: { signer, operator } }: Service): ReadonlyMap<string, string> {
  const listed = operator.signingKeys.flatMap((key) => publicKeyPem(key.public) ?? []);
  return new Map([signer.publicKey, ...listed].map((pem) => [keyIdOf(pem), pem]));
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

export async function releaseAt({ service, repository }: Place, id: RunId): Promise<Release | undefined> {
  const head = await repository.mirror.resolve(service.parts.ledger);
  const run = await repository.history.record(id);
  const manifest = head === undefined ? undefined : await repository.mirror.file(head, manifestPath(id));
  return run === undefined || manifest === undefined ? undefined : releaseOf(run, digestOf(manifest));
}

/** Whether one of our keys signed what the ledger has of a run: anybody who can push could have put another there. */
export async function isSigned({ service, repository }: Place, id: RunId): Promise<boolean> {
  const head = await repository.mirror.resolve(service.parts.ledger);
  if (head === undefined) return false;
  const files = await repository.mirror.files(head, [manifestPath(id), signaturePath(id)]);
  const [manifest, envelope] = [files.get(manifestPath(id)), files.get(signaturePath(id))];
  if (manifest === undefined || envelope === undefined) return false;
  return checkEnvelope(envelope, manifest, keysOf(service)).kind === "valid";
}

/** `signed`: what another of our keys signed already, by path. */
export async function record(
  { service, repository }: Place,
  events: readonly ReleaseEvent[],
  signed: ReadonlyMap<string, SignedElsewhere> = new Map(),
): Promise<void> {
  if (events.length === 0) return;
  const { mirror, forge } = repository;
  const { ledger, signer } = service.parts;
  await recordEvents(
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
}
