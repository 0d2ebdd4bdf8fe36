import type { Mirror } from "../git/mirror.ts";
import { parseCommitSha, type RunId } from "../identity/identity.ts";
import type { History } from "../index/history.ts";

export type FoundRun =
  | { readonly kind: "found"; readonly id: RunId }
  /** None, or several: a sentence in which backticks mark code. */
  | { readonly kind: "refused"; readonly why: string };

/**
 * The run that a person means in a comment: an id, a unique prefix of at least 4, `latest`, `#12`, a commit or a branch,
 * each with `~n` for the n-th before it on the same pipeline; tried in this order (INTERFACES §4).
 */
export async function findRun(
  { history, mirror }: { readonly history: History; readonly mirror: Mirror },
  text: string,
): Promise<FoundRun> {
  const [, name = "", back = "0"] = /^(.+?)(?:~(\d{1,4}))?$/.exec(text) ?? [];
  const prefixed = runsNamed(history, name);
  const [first, second] = prefixed;
  if (second !== undefined)
    return {
      kind: "refused",
      why: `\`${name}\` could be ${prefixed
        .slice(0, 5)
        .map((id) => `\`${id}\``)
        .join(", ")}`,
    };
  const id = first ?? (await byOther({ history, mirror }, name));
  if (id === undefined) return { kind: "refused", why: `there is no run \`${name}\`` };
  const all = history.runs({});
  const same = all.filter((run) => run.pipeline === all.find((one) => one.id === id)?.pipeline);
  const found = same[same.findIndex((run) => run.id === id) + Number(back)];
  return found === undefined
    ? { kind: "refused", why: `there are not that many runs before \`${name}\`` }
    : { kind: "found", id: found.id };
}

/** Runs that an id, or at least four characters of its beginning, may mean: less than that is a number or a slip. */
export function runsNamed(history: Pick<History, "byPrefix">, text: string): readonly RunId[] {
  return /^[0-9a-z]{4,26}$/.test(text) ? history.byPrefix(text) : [];
}

async function byOther(
  { history, mirror }: { readonly history: History; readonly mirror: Mirror },
  name: string,
): Promise<RunId | undefined> {
  if (name === "latest") return history.runs({ limit: 1 })[0]?.id;
  if (/^#\d+$/.test(name)) return history.runs({}).find((run) => run.pullRequest === Number(name.slice(1)))?.id;
  const commit = parseCommitSha(name) ?? (await mirror.resolve(`refs/heads/${name}`)) ?? (await mirror.resolve(name));
  return commit === undefined ? undefined : history.runs({ source: commit })[0]?.id;
}
