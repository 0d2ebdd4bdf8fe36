import { readReproductions } from "../controller/read-reproductions.ts";
import { recordReproductions, signReproduction } from "../controller/record-reproduction.ts";
import type { LedgerHeader } from "../manifest/ledger-header.ts";
import { LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import { differencesOf, REPRODUCTIONS, type Reproduction } from "../release/reproduction.ts";
import type { Signer } from "../signer/signer.ts";
import type { Compared } from "./compare-again.ts";
import { pushOf, recordedIn } from "./reproduced.ts";
import type { Selected } from "./select-run.ts";
import type { Repository, World } from "./world.ts";

interface Reproduced {
  readonly world: World;
  readonly repository: Repository;
  readonly selected: Selected;
  /** The run's short id. */
  readonly id: string;
}

/**
 * Records what `reproduce` found. In the local ledger it stands beside its run; that of a service is written by the
 * service alone, so there the record waits in this clone until a person pushes it.
 */
export async function keepReproduction(place: Reproduced, compared: Compared): Promise<void> {
  const { world, repository, selected, id } = place;
  const { record, ledger } = selected;
  const found = await recordedIn(repository, ledger, record.id);
  // Another repository's run is shown here, and nothing can be said of it for its own ledger.
  if (found?.header.repository !== record.repository) {
    world.terminal.say(`not recorded: run ${id} is not of the repository that ${ledger.ref} is of\n`);
    return;
  }
  const signer = await repository.signer();
  const reproduction: Reproduction = {
    repository: record.repository,
    run: record.id,
    manifest: found.manifest,
    platform: world.config.platform,
    compared: compared.compared,
    differences: differencesOf(compared.differences.map(({ name }) => name)),
    left: compared.left,
    at: new Date(world.clock.now()).toISOString(),
  };
  const local = ledger.ref === LOCAL_LEDGER;
  const ref = local ? LOCAL_LEDGER : `${REPRODUCTIONS}${record.id}`;
  // Both are refs of this clone, and nobody else writes them.
  const here = { ref, refresh: async () => undefined, publish: async () => ({ kind: "published" as const }) };
  const signed = await signReproduction(signer, reproduction);
  if (!local) await dropOthers(repository.git, ref, { signer, repository: record.repository });
  await recordReproductions({ git: repository.git, ledger: here }, record.pipeline, [signed]);
  if (local) world.terminal.say(`recorded in ${LOCAL_LEDGER}: sluice show ${id}\n`);
  else tellToPush(place, { ref, signer, header: found.header });
}

/** One record that the service refuses has it refuse those beside it: what another key signed here gives way. */
async function dropOthers(
  git: Repository["git"],
  ref: string,
  { signer, repository }: { readonly signer: Signer; readonly repository: string },
): Promise<void> {
  const head = await git.resolve(ref);
  if (head === undefined) return;
  const read = await readReproductions(git, head, { keys: new Map([[signer.keyId, signer.publicKey]]), repository });
  if (read.kind !== "ok") await git.push(git.directory, [{ from: "", to: ref }]);
}

function tellToPush(
  { world, selected: { ledger } }: Reproduced,
  { ref, signer, header }: { readonly ref: string; readonly signer: Signer; readonly header: LedgerHeader },
): void {
  const { terminal } = world;
  const key = signer.keyId.slice(0, 12);
  if (!header.keys.has(signer.keyId)) {
    const keyless = signer.bundle === undefined ? "" : ", or if `sigstore` there lists who signed keyless";
    terminal.say(
      `this ledger does not know the key ${key} yet: the service takes in what it signs only if \`signing_keys\` of the operator's file lists it: ${publicHalf(signer)}${keyless}\n`,
    );
  }
  terminal.say(
    `kept in this clone, signed by key ${key}\n  next: ${pushOf(ledger, ref)}\nthe service then records it: \`run.reproducible\` in a gate is read from there\n`,
  );
}

/** As `signing_keys` takes it. */
function publicHalf({ publicKey }: Signer): string {
  return publicKey.replaceAll(/-----[^-]+-----|\s/g, "");
}
