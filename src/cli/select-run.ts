import { parseCommitSha, parseRunId, type RunId } from "../identity/identity.ts";
import type { History } from "../index/history.ts";
import type { RunRecord } from "../run/run-record.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { Repository } from "./world.ts";

/**
 * The run that a person means: an id, a unique prefix of at least 4, a commit, a branch or `latest`, each with `~n`
 * for the n-th before it on the same pipeline; tried in this order (INTERFACES §4).
 */
export async function selectRun(repository: Repository, history: History, text: string): Promise<RunRecord> {
  const [, name, back] = /^(.+?)(?:~(\d+))?$/.exec(text) ?? [];
  if (name === undefined) throw new Refusal(EXIT.usage, "name a run\n  next: sluice log");
  const id = await find(repository, history, name);
  if (id === undefined) throw new Refusal(EXIT.usage, `there is no run ${name}\n  next: sluice log`);
  const record = await history.record(Number(back ?? 0) === 0 ? id : before(history, id, Number(back)));
  if (record === undefined)
    throw new Refusal(EXIT.usage, `run ${name} is not in the ledger\n  next: sluice cache rebuild`);
  return record;
}

async function find(repository: Repository, history: History, name: string): Promise<RunId | undefined> {
  const whole = parseRunId(name);
  if (whole !== undefined && history.byPrefix(whole).length > 0) return whole;
  if (name.length >= 4 && /^[0-9a-z]+$/.test(name)) {
    const found = history.byPrefix(name);
    if (found.length === 1) return found[0];
    if (found.length > 1)
      throw new Refusal(
        EXIT.usage,
        `${name} could be any of\n${found
          .slice(0, 10)
          .map((id) => `  ${id}`)
          .join("\n")}`,
      );
  }
  if (name === "latest") return history.runs({ limit: 1 })[0]?.id;
  const commit = parseCommitSha(name) ?? (await repository.git.resolve(name));
  return commit === undefined ? undefined : history.runs({}).find((run) => run.source === commit)?.id;
}

function before(history: History, id: RunId, back: number): RunId {
  const all = history.runs({});
  const start = all.find((run) => run.id === id);
  const same = all.filter((run) => run.pipeline === start?.pipeline);
  const at = same.findIndex((run) => run.id === id) + back;
  const found = same[at];
  if (found === undefined)
    throw new Refusal(EXIT.usage, `there are only ${at - back} runs before it\n  next: sluice log`);
  return found.id;
}

/** Shows ids as short as they stay unique, from four characters on. */
export function shortIds(history: History): (id: RunId) => string {
  return (id) => {
    for (let length = 4; length < id.length; length++)
      if (history.byPrefix(id.slice(0, length)).length <= 1) return id.slice(0, length);
    return id;
  };
}
