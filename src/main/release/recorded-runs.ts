import type { History } from "../../index/history.ts";
import type { Mirror } from "../../git/mirror.ts";
import { digestOf, type Digest, type RunId } from "../../identity/identity.ts";
import { checkEnvelope } from "../../manifest/dsse.ts";
import { manifestPath, signaturePath } from "../../manifest/ledger-paths.ts";
import { releaseOf, type Release } from "../../release/release.ts";
import { isSame } from "../../release/reproduction.ts";
import { reproductionOf } from "../../release/verify-reproduction.ts";
import type { RunRecord } from "../../run/run-record.ts";

/** What the ledger has of runs, each read once; one whose manifest cannot be read is none. */
export interface RecordedRuns {
  run(id: RunId): Promise<RunRecord | undefined>;
  release(id: RunId): Promise<Release | undefined>;
  /** Whether one of our keys signed it: anybody who can push could have put another there. */
  isSigned(id: RunId): Promise<boolean>;
  /** Whether the ledger has a reproduction of it without a difference, signed by one of our keys. */
  isReproduced(id: RunId): Promise<boolean>;
}

interface Ledger {
  readonly mirror: Pick<Mirror, "files">;
  readonly history: Pick<History, "standing" | "readable" | "reproductions">;
  /** As the forge names it for ever. */
  readonly repository: string;
  readonly keys: ReadonlyMap<string, string>;
}

interface Recorded {
  readonly run: RunRecord;
  /** Digest of its manifest. */
  readonly manifest: Digest;
  readonly signed: boolean;
}

/** For all that one look asks; what cannot be read is asked for again. */
export function recordedRuns(ledger: Ledger): RecordedRuns {
  const known = new Map<RunId, Promise<Recorded | undefined>>();
  const recorded = (id: RunId): Promise<Recorded | undefined> => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const read = readRecorded(ledger, id);
    known.set(id, read);
    read.catch(() => known.delete(id));
    return read;
  };
  return {
    run: async (id) => (await recorded(id))?.run,
    async release(id) {
      const found = await recorded(id);
      return found && releaseOf(found.run, found.manifest);
    },
    isSigned: async (id) => (await recorded(id))?.signed ?? false,
    async isReproduced(id) {
      const found = await recorded(id);
      const again = found && reproductionOf(ledger.history.reproductions(id), found.manifest, ledger);
      return again !== undefined && isSame(again);
    },
  };
}

async function readRecorded({ mirror, history, keys }: Ledger, id: RunId): Promise<Recorded | undefined> {
  const run = await history.readable(id);
  const commit = await history.standing(id);
  if (run === undefined || commit === undefined) return undefined;
  const files = await mirror.files(commit, [manifestPath(id), signaturePath(id)]);
  const [manifest, envelope] = [files.get(manifestPath(id)), files.get(signaturePath(id))];
  if (manifest === undefined) return undefined;
  const signed = envelope !== undefined && checkEnvelope(envelope, manifest, keys).kind === "valid";
  return { run, manifest: digestOf(manifest), signed };
}
