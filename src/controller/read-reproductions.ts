import type { Commits } from "../git/git.ts";
import type { CommitSha } from "../identity/identity.ts";
import { bundleFault, bundlePath, countingBundle, type CheckBundle } from "../manifest/bundle.ts";
import { countersigned, preAuthentication } from "../manifest/dsse.ts";
import { eventSignaturePath } from "../release/release-event.ts";
import { recordedReproduction, REPRODUCTION_TYPE, type SignedReproduction } from "../release/reproduction.ts";
import { verifyReproduction, type ReproductionEntry, type Vouching } from "../release/verify-reproduction.ts";
import { ok, refused, type Result } from "../result/result.ts";
import type { Signer } from "../signer/signer.ts";

/** Whose word counts beside that of keys, and who says so in the end. */
export interface Identities {
  readonly check: CheckBundle;
  /** What a listed person or workflow signed keyless gets this signature as well, and is then like all others. */
  readonly signer: Signer;
}

/** Nobody reproduces one run more often before the service takes that in. */
const MOST = 200;
/** Nor is a larger commit, record or signature: whoever can push would have us read as much as they like. */
const LARGEST = 65_536;

/** All reproductions of a commit's history, oldest first; one that no known key signed spoils the others. */
export async function readReproductions(
  git: Pick<Commits, "line" | "files">,
  commit: CommitSha,
  vouching: Vouching & { readonly identities?: Identities | undefined },
): Promise<Result<readonly SignedReproduction[], string>> {
  const line = (await git.line(commit, { commits: MOST, bytes: LARGEST })) ?? [];
  const paths = line.toReversed().flatMap(({ message }) => recordedReproduction(message)?.path ?? []);
  if (paths.length === 0) return refused("it is no record of a reproduction");
  const beside = [eventSignaturePath, bundlePath];
  const files = await git.files(commit, [...paths, ...beside.flatMap((path) => paths.map(path))], LARGEST);
  const found: SignedReproduction[] = [];
  for (const path of paths) {
    const [payload, envelope] = [files.get(path), files.get(eventSignaturePath(path))];
    if (payload === undefined || envelope === undefined)
      return refused("it lacks a record that it names, or that one is too large");
    const read = await readOne({ path, payload, envelope, bundle: files.get(bundlePath(path)) }, vouching);
    if (read.kind === "refused") return read;
    found.push(read.value);
  }
  return ok(found);
}

type Entry = ReproductionEntry & Pick<SignedReproduction["signed"], "envelope" | "bundle">;

async function readOne(
  entry: Entry,
  vouching: Parameters<typeof readReproductions>[2],
): Promise<Result<SignedReproduction, string>> {
  const { payload, bundle } = entry;
  const { identities, repository } = vouching;
  const verified = verifyReproduction(entry, vouching);
  if (verified.kind === "valid") {
    const key = { keyId: verified.keyId, pem: vouching.keys.get(verified.keyId) ?? "" };
    const kept = countingBundle(identities?.check, bundle, { payload, payloadType: REPRODUCTION_TYPE });
    return ok({
      reproduction: verified.reproduction,
      signed: { payload, envelope: entry.envelope, bundle: kept, key },
    });
  }
  if (identities === undefined || bundle === undefined) return refused(verified.why);
  const fault = bundleFault(identities.check(bundle, payload, REPRODUCTION_TYPE), "the operator's file");
  if (fault !== undefined) return refused(`${verified.why}, and ${fault}`);
  const { signer } = identities;
  const { keyId, publicKey: pem } = signer;
  const bytes = await signer.sign(preAuthentication(REPRODUCTION_TYPE, payload));
  const envelope = countersigned(entry.envelope, { keyId, bytes });
  const again = verifyReproduction({ ...entry, envelope }, { keys: new Map([[keyId, pem]]), repository });
  if (again.kind === "refused") return refused(again.why);
  return ok({ reproduction: again.reproduction, signed: { payload, envelope, bundle, key: { keyId, pem } } });
}
