import { readReproductions } from "../../controller/read-reproductions.ts";
import { recordReproductions } from "../../controller/record-reproduction.ts";
import { digestOf, parseRunId, type Digest, type RunId } from "../../identity/identity.ts";
import { manifestPath } from "../../manifest/ledger-paths.ts";
import { REPRODUCTIONS, type SignedReproduction } from "../../release/reproduction.ts";
import { strangeIn } from "../../release/verify-reproduction.ts";
import { reproductionIssue } from "../../report/drift.ts";
import { ok, refused, type Result } from "../../result/result.ts";
import { desire } from "../../worker.ts";
import type { At } from "../serve/at.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { recordedRuns, type RecordedRuns } from "./recorded-runs.ts";
import { keysInUse, keysOf } from "./signing-keys.ts";
import { forgetRefs, takeRefs } from "./taken-refs.ts";

/** Whose reproductions were refused when they were last looked at, so that their issue is closed in the end. */
const TABLE = "refused-reproductions";

/** Takes in what people computed again elsewhere and pushed: each record once, under the signature that it brings. */
export async function takeReproductions(at: At, repository: ForgeRepository): Promise<void> {
  const { mirror, forge, history } = repository;
  const { parts } = at.service;
  const id = String(forge.repository.id);
  const refs = await mirror.kept(REPRODUCTIONS);
  const before = await at.queue.table.get(TABLE, id);
  if (refs.size === 0 && before === undefined) return;
  const runs = recordedRuns({ mirror, history, keys: keysOf(parts), repository: id });
  const { signer, checkBundle: check } = parts;
  const identities = check === undefined ? undefined : { check, signer };
  const vouching = { keys: keysInUse(parts), repository: id, identities };
  const done = await takeRefs(repository, refs, {
    prefix: REPRODUCTIONS,
    read: (commit) => readReproductions(mirror, commit, vouching),
    take: (ref, all) => take({ at, repository, runs }, ref, all),
  });
  await forgetRefs(mirror, done?.taken ?? []);
  const told = done?.told ?? [];
  if (told.length === 0 && before === undefined) return;
  const issue = { kind: "issue", ...reproductionIssue(told) } as const;
  await desire(at.queue, forge.repository.installation, [issue], forge.repository);
  // Only after it was told: killed before, it is told once more.
  await (told.length > 0 ? at.queue.table.put(TABLE, id, told.length) : at.queue.table.remove(TABLE, id));
}

interface Taking {
  readonly at: At;
  readonly repository: ForgeRepository;
  readonly runs: RecordedRuns;
}

/** Whether the ledger has them now; false: it takes nothing at the moment. */
async function take(
  { at, repository: { mirror }, runs }: Taking,
  ref: string,
  all: readonly SignedReproduction[],
): Promise<Result<boolean, string>> {
  const { ledger } = at.service.parts;
  const id = parseRunId(ref.slice(REPRODUCTIONS.length));
  const run = id === undefined ? undefined : await runs.run(id);
  if (id === undefined || run === undefined || !(await runs.isSigned(id)))
    return refused("the ledger has no run of that name that a key of ours signed");
  const manifest = await manifestAt(mirror, ledger, id);
  const fault = strangeIn(all, { run: id, manifest });
  if (fault !== undefined) return refused(fault);
  const recorded = await recordReproductions(
    {
      git: mirror,
      ledger: {
        ref: ledger,
        refresh: async () => void (await mirror.refresh([ledger])),
        publish: ({ from, to }) => mirror.publish([{ ref: ledger, from, to }]),
      },
    },
    run.pipeline,
    all,
  );
  return ok(recorded.kind === "recorded");
}

/** The manifest of a run as the ledger has it. */
async function manifestAt(mirror: ForgeRepository["mirror"], ledger: string, run: RunId): Promise<Digest | undefined> {
  const head = await mirror.resolve(ledger);
  const bytes = head === undefined ? undefined : await mirror.file(head, manifestPath(run));
  return bytes === undefined ? undefined : digestOf(bytes);
}
