import type { Mirror } from "../git/mirror.ts";
import { parseCommitSha, type RunId } from "../identity/identity.ts";
import type { History } from "../index/history.ts";
import type { EnvironmentState } from "../release/environment-state.ts";
import { liveRun } from "../release/live-run.ts";

export type FoundRun =
  | { readonly kind: "found"; readonly id: RunId }
  /** None, or several: a sentence in which backticks mark code. */
  | { readonly kind: "refused"; readonly why: string };

interface Ports {
  readonly history: Pick<History, "runs" | "byPrefix" | "readable">;
  readonly mirror: Pick<Mirror, "resolve">;
  readonly releases: { states(): Promise<ReadonlyMap<string, EnvironmentState>> };
}

/**
 * The run that a person means in a comment: an id, a unique prefix of at least 4, `latest`, `#12`, a commit, a branch or
 * an environment (`prod`, `prod:digits`), tried in this order (INTERFACES §4). `~n` is the n-th before it: on the same
 * pipeline, and of an environment the n-th that was live there before.
 */
export async function findRun({ history, mirror, releases }: Ports, text: string): Promise<FoundRun> {
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
  if (id === undefined) return liveNamed(await releases.states(), { name, back: Number(back) });
  if (Number(back) === 0) return { kind: "found", id };
  const pipeline = (await history.readable(id))?.pipeline.id;
  const same = pipeline === undefined ? [] : history.runs({ pipeline });
  const found = same[same.findIndex((run) => run.id === id) + Number(back)];
  return found === undefined
    ? { kind: "refused", why: `there are not that many runs before \`${name}\`` }
    : { kind: "found", id: found.id };
}

function liveNamed(
  states: ReadonlyMap<string, EnvironmentState>,
  named: { readonly name: string; readonly back: number },
): FoundRun {
  const found = liveRun(states, named);
  switch (found.kind) {
    case "found":
      return { kind: "found", id: found.live.run };
    case "no-environment":
      return { kind: "refused", why: `there is no run \`${named.name}\`` };
    case "nothing":
      return { kind: "refused", why: `nothing that \`${named.name}\` could mean is live` };
    case "ambiguous": {
      const each = found.live.map(({ pipeline }) => `\`${found.of.environment}:${pipeline}\``);
      return { kind: "refused", why: `\`${named.name}\` could be ${each.slice(0, 5).join(", ")}` };
    }
    case "too-far":
      return { kind: "refused", why: `there were not that many releases before \`${named.name}\`` };
  }
}

/** Runs that an id, or at least four characters of its beginning, may mean: less than that is a number or a slip. */
function runsNamed(history: Pick<History, "byPrefix">, text: string): readonly RunId[] {
  return /^[0-9a-z]{4,26}$/.test(text) ? history.byPrefix(text) : [];
}

async function byOther(
  { history, mirror }: Pick<Ports, "history" | "mirror">,
  name: string,
): Promise<RunId | undefined> {
  if (name === "latest") return history.runs({ limit: 1 })[0]?.id;
  if (/^#\d+$/.test(name)) return history.runs({}).find((run) => run.pullRequest === Number(name.slice(1)))?.id;
  const commit = parseCommitSha(name) ?? (await mirror.resolve(`refs/heads/${name}`)) ?? (await mirror.resolve(name));
  return commit === undefined ? undefined : history.runs({ source: commit })[0]?.id;
}
