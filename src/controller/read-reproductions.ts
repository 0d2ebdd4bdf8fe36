import type { Commits } from "../git/git.ts";
import type { CommitSha } from "../identity/identity.ts";
import { eventSignaturePath } from "../release/release-event.ts";
import { recordedReproduction, type SignedReproduction } from "../release/reproduction.ts";
import { verifyReproduction, type Vouching } from "../release/verify-reproduction.ts";
import { ok, refused, type Result } from "../result/result.ts";

/** Nobody reproduces one run more often before the service takes that in. */
const MOST = 200;
/** Nor is a larger commit, record or signature: whoever can push would have us read as much as they like. */
const LARGEST = 65_536;

/** All reproductions of a commit's history, oldest first; one that no known key signed spoils the others. */
export async function readReproductions(
  git: Pick<Commits, "line" | "files">,
  commit: CommitSha,
  vouching: Vouching,
): Promise<Result<readonly SignedReproduction[], string>> {
  const line = (await git.line(commit, { commits: MOST, bytes: LARGEST })) ?? [];
  const paths = line.toReversed().flatMap(({ message }) => recordedReproduction(message)?.path ?? []);
  if (paths.length === 0) return refused("it is no record of a reproduction");
  const files = await git.files(commit, [...paths, ...paths.map(eventSignaturePath)], LARGEST);
  const found: SignedReproduction[] = [];
  for (const path of paths) {
    const [payload, envelope] = [files.get(path), files.get(eventSignaturePath(path))];
    if (payload === undefined || envelope === undefined)
      return refused("it lacks a record that it names, or that one is too large");
    const verified = verifyReproduction({ path, payload, envelope }, vouching);
    if (verified.kind === "refused") return refused(verified.why);
    const { reproduction, keyId } = verified;
    const key = { keyId, pem: vouching.keys.get(keyId) ?? "" };
    found.push({ reproduction, signed: { payload, envelope, key } });
  }
  return ok(found);
}
