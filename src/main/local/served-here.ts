import { existsSync } from "node:fs";
import { join } from "node:path";

import type { ServedHere, World } from "../../cli/world.ts";
import type { WorkerConfig } from "../../config-service.ts";
import { GROWN } from "../../git/native-mirror.ts";
import { fetchRef } from "../../git/person-remote.ts";
import { readOperator } from "../serve/operator.ts";
import { servicePaths } from "../serve/paths.ts";
import { openStore } from "../serve/store.ts";
import { fileSigner } from "../../signer/file-signer.ts";

/** Where a clone has the ledger that it fetched. */
const SHARED_LEDGER = "refs/remotes/origin/sluice/ledger";

/** What a service keeps on this machine; undefined where it keeps nothing here, or its file cannot be read. */
export async function servedHere(world: World, config: WorkerConfig): Promise<ServedHere | undefined> {
  const { data, operatorFile } = config;
  if (!existsSync(join(data, "repositories"))) return undefined;
  const read = readOperator(operatorFile);
  if (read.kind === "refused") return undefined;
  const { store: local, keys } = servicePaths(data);
  const { signingKey } = world.config;
  const mirrorOf = (repository: string): string | undefined => {
    const mirror = join(data, "repositories", repository, "mirror.git");
    return /^\d+$/.test(repository) && existsSync(mirror) ? mirror : undefined;
  };
  return {
    signer: () =>
      signingKey !== undefined || existsSync(join(keys, "ed25519.pem")) ? fileSigner(keys, signingKey) : undefined,
    async store() {
      const opened = await openStore(config.store ?? read.operator.store, local);
      return opened.kind === "opened" ? opened.store : undefined;
    },
    mirror: mirrorOf,
    async freshen(root, repository) {
      const source = mirrorOf(repository);
      // What it published last, where its branch was put back by a look that began before.
      if (source !== undefined) await fetchRef(root, { source, from: GROWN, to: SHARED_LEDGER });
    },
  };
}
