import type { CommitSha } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";

/** Acceptances that were told of are remembered up to this many. */
const REMEMBERED = 1_000;

/** Says in the log, once each, which acceptances were not signed by us and are passed over. */
export function tellForged(
  onError: (error: unknown) => void,
): (repository: RepositoryRef, ref: string, commit: CommitSha) => void {
  const told = new Set<string>();
  return ({ fullName }, ref, commit) => {
    const place = `${fullName}: ${ref} at ${commit}`;
    if (told.has(place)) return;
    if (told.size >= REMEMBERED) told.clear();
    told.add(place);
    const quoted = `'${ref.replaceAll("'", String.raw`'\''`)}'`;
    onError(
      new Error(
        `${place}: its order is not signed by our key, so it starts nothing; take it away: git push origin --delete ${quoted}`,
      ),
    );
  };
}
