import type { Commits } from "../git/git.ts";
import type { CommitSha } from "../identity/identity.ts";
import { bundlePath, countingBundle, type CheckBundle } from "../manifest/bundle.ts";
import {
  EVENT_TYPE,
  eventPath,
  eventSignaturePath,
  recordedEvent,
  type ReleaseEvent,
  type SignedElsewhere,
} from "../release/release-event.ts";
import { verifyEvent } from "../release/verify-event.ts";
import { ok, refused, type Result } from "../result/result.ts";

/** More commits than that are no rollbacks of one pipeline. */
const MOST = 200;
/** Nor is a larger commit, event or signature: whoever can push would have us read as much as they like. */
const LARGEST = 65_536;

/** An event as it was signed offline. */
export interface OfflineEvent {
  readonly event: ReleaseEvent;
  readonly path: string;
  readonly signed: SignedElsewhere;
}

interface Vouching {
  readonly keys: ReadonlyMap<string, string>;
  readonly repository: string;
  /** Whose bundles are kept beside an event; absent: nobody's. */
  readonly check?: CheckBundle | undefined;
}

/** All events of a commit's history, oldest first; one that no known key signed spoils the others. */
export async function readOffline(
  git: Pick<Commits, "line" | "files">,
  commit: CommitSha,
  { keys, repository, check }: Vouching,
): Promise<Result<readonly OfflineEvent[], string>> {
  const line = (await git.line(commit, { commits: MOST, bytes: LARGEST })) ?? [];
  const paths = line.toReversed().flatMap(({ message }) => recordedEvent(message) ?? []);
  if (paths.length === 0) return refused("it is no record of a rollback");
  const beside = [eventSignaturePath, bundlePath];
  const files = await git.files(commit, [...paths, ...beside.flatMap((path) => paths.map(path))], LARGEST);
  const found: OfflineEvent[] = [];
  for (const path of paths) {
    const [payload, envelope] = [files.get(path), files.get(eventSignaturePath(path))];
    if (payload === undefined || envelope === undefined)
      return refused("it lacks an event that it names, or that one is too large");
    const verified = verifyEvent({ path, payload, envelope }, keys, repository);
    if (verified.kind === "refused") return refused(verified.why);
    const { event, keyId } = verified;
    const key = { keyId, pem: keys.get(keyId) ?? "" };
    const bundle = countingBundle(check, files.get(bundlePath(path)), { payload, payloadType: EVENT_TYPE });
    found.push({ event, path: eventPath(event), signed: { payload, envelope, bundle, key } });
  }
  return ok(found);
}
