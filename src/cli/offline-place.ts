import { readProject } from "../controller/read-project.ts";
import type { LedgerHeader } from "../manifest/ledger-header.ts";
import { LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import { closest } from "../problem/suggest.ts";
import { renamesOf } from "../release/renames.ts";
import { foldEvents, type EnvironmentState } from "../release/environment-state.ts";
import { OFFLINE, offlineRef } from "../release/offline.ts";
import { safeLine } from "../report/safe-text.ts";
import type { Signer } from "../signer/signer.ts";
import { checkedEvents, type CheckedEvents } from "./checked-events.ts";
import { EXIT, Refusal } from "./exit.ts";
import { openRepository } from "./open-repository.ts";
import { notStarted, openService } from "./serve.ts";
import type { Session } from "./session.ts";
import type { Ledger, Repository, ServedHere, World } from "./world.ts";

export interface OfflineRollback {
  readonly environment: string;
  readonly pipeline: string | undefined;
  readonly run: string | undefined;
  readonly remote: string;
}

/** One pipeline in one environment, and everything that a rollback here stands on. */
export interface OfflinePlace extends Session {
  readonly environment: EnvironmentSettings;
  readonly pipeline: string;
  readonly ledger: Ledger;
  readonly checked: CheckedEvents;
  readonly signer: Signer;
  readonly served: ServedHere | undefined;
  /** Where what is done here waits for the service. */
  readonly ref: string;
}

/** Where an operator rolls back from, or why they cannot. */
export async function offlinePlace(world: World, asked: OfflineRollback): Promise<OfflinePlace> {
  const repository = await openRepository(world);
  const served = await servedHere(world);
  const before = await ledgerOf(repository);
  await served?.freshen(repository.git.root, before.checked.header.repository);
  const { ledger, checked } = served === undefined ? before : await ledgerOf(repository);
  const signer = await signerOf(world, served, { repository, header: checked.header });
  const commit = (await repository.git.resolve("refs/remotes/origin/HEAD")) ?? (await repository.git.head()).commit;
  if (commit === null) throw new Refusal(EXIT.usage, "there is no commit here\n  next: git fetch");
  const project = await readProject(repository, repository.commit(commit));
  const environment = environmentNamed(project.settings.environments, asked.environment);
  const renames = renamesOf(project.pipelines.map(({ pipeline }) => pipeline));
  const states = foldEvents(
    checked.counted.map(({ event }) => event),
    renames,
  );
  const pipeline = pipelineOf(states.get(environment.name), asked);
  const ref = offlineRef(OFFLINE, { environment: environment.name, pipeline });
  return {
    world,
    repository,
    project,
    environment,
    pipeline,
    ledger,
    checked,
    signer,
    served,
    ref,
  };
}

async function ledgerOf(repository: Repository): Promise<Pick<OfflinePlace, "ledger" | "checked">> {
  const ledger = await repository.ledger();
  const checked = ledger.ref === LOCAL_LEDGER ? undefined : await checkedEvents(repository, ledger);
  if (checked?.kind === "ok") return { ledger, checked: checked.value };
  throw new Refusal(
    EXIT.usage,
    "this clone has no ledger of a service, so nobody here knows what was live\n  next: a clone that fetched sluice/ledger, or of the service's mirror: git clone $SLUICE_DATA/repositories/<number>/mirror.git",
  );
}

async function servedHere(world: World): Promise<ServedHere | undefined> {
  if (!world.service.named) return undefined;
  const read = await world.service.workerConfig();
  if (read.kind === "bad") throw notStarted("sluice", read.variables);
  return (await openService(world)).here(read.config);
}

/** Whoever holds a key of the service is its operator: nobody else can be asked for leave now. */
async function signerOf(
  world: World,
  served: ServedHere | undefined,
  { repository, header }: Pick<Session, "repository"> & { readonly header: LedgerHeader },
): Promise<Signer> {
  const signer = served?.signer() ?? (await repository.signer());
  if (header.keys.has(signer.keyId)) return signer;
  if (world.config.signingKey === undefined)
    throw new Refusal(
      EXIT.forbidden,
      "a rollback without the forge is signed by a key of the service's operator, and there is none here that this ledger knows\n  next: on the service's machine SLUICE_DATA=<its directory>; elsewhere SLUICE_SIGNING_KEY=\"$(cat key.pem)\"",
    );
  world.terminal.say(
    `this ledger does not know the key ${signer.keyId.slice(0, 12)} yet: the service takes in what it signs only if \`signing_keys\` of the operator's file lists it\n`,
  );
  return signer;
}

function environmentNamed(environments: readonly EnvironmentSettings[], name: string): EnvironmentSettings {
  const found = environments.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = environments.map((one) => one.name);
  const meant = closest(name, names);
  throw new Refusal(
    EXIT.usage,
    `there is no environment ${safeLine(name, 40)}\n  next: ${meant === undefined ? `there are ${names.join(", ") || "none"}` : `did you mean ${meant}?`}`,
  );
}

function pipelineOf(state: EnvironmentState | undefined, { environment, pipeline }: OfflineRollback): string {
  const live = [...(state?.pipelines ?? [])].flatMap(([name, one]) => (one.live === null ? [] : [name]));
  const wanted = state?.renames?.get(pipeline ?? "") ?? pipeline;
  const [only, ...more] = live.filter((name) => wanted === undefined || name === wanted);
  if (only === undefined)
    throw new Refusal(
      EXIT.usage,
      `nothing${pipeline === undefined ? "" : ` of ${safeLine(pipeline, 40)}`} is live in ${environment} as far as this ledger says\n  next: sluice log --env ${environment}`,
    );
  if (more.length > 0)
    throw new Refusal(
      EXIT.usage,
      `several pipelines are live in ${environment}\n  next: say which: ${live.map((name) => `sluice rollback ${environment} ${name} --offline`).join(", ")}`,
    );
  return only;
}
