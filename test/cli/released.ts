import { rmSync } from "node:fs";
import { join } from "node:path";

import { readReproductions } from "../../src/controller/read-reproductions.ts";
import { recordEvents } from "../../src/controller/record-events.ts";
import { recordReproductions } from "../../src/controller/record-reproduction.ts";
import type { RemoteLedger } from "../../src/git/mirror.ts";
import { digestOf, parseRunId, type RunId } from "../../src/identity/identity.ts";
import { parseLedgerHeader } from "../../src/manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../../src/manifest/ledger-paths.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { opened } from "../contract/git.ts";
import { sha } from "../manifest/run-records.ts";
import { repository, type Bench } from "../sluice.ts";

const LEDGER = "refs/heads/sluice/ledger";
const SETTINGS = `version: 1
sandbox: off
environments:
  dev: {}
  staging: { approvals: { count: 2 } }
  prod: { after: staging, soak: 1h, approvals: { count: 1 } }
`;

/** One event of `digits` in `prod`, by ada, unless something else is said. */
export function event(kind: ReleaseEvent["kind"], cause: string, more: Partial<ReleaseEvent> = {}): ReleaseEvent {
  return {
    kind,
    environment: "prod",
    pipeline: "digits",
    run: null,
    evidence: digestOf("evidence"),
    by: { id: 7, login: "ada" },
    cause,
    at: "2026-02-01T10:00:00Z",
    reason: null,
    pullRequest: null,
    deployment: null,
    revokes: null,
    ...more,
  };
}

/** A clone of which a service's ledger has two runs of `digits` and of `words`, oldest first. */
export interface Released {
  readonly bench: Bench;
  readonly digits: readonly [RunId, RunId];
  readonly words: readonly [RunId, RunId];
  readonly record: (...events: readonly ReleaseEvent[]) => Promise<void>;
  /** Takes in what was reproduced in the clone, as a service does. */
  readonly take: (ref: string) => Promise<void>;
}

export async function released(): Promise<Released> {
  const bench = repository({ "sluice.yaml": SETTINGS });
  for (const word of ["one", "two"]) {
    for (const name of ["digits", "words"])
      bench.write(
        `pipelines/${name}.yaml`,
        `version: 1\nsteps:\n  make: { run: 'mkdir -p build; echo ${name} ${word} > build/${name}.txt', outputs: [build/${name}.txt] }\n`,
      );
    bench.commit();
    const ran = await bench.sluice("run");
    if (ran.code !== 0) throw new Error(ran.stderr);
  }
  const { runs } = JSON.parse((await bench.sluice("log", "--json")).stdout) as {
    runs: { id: string; pipeline: string }[];
  };
  const of = (name: string): readonly [RunId, RunId] => {
    const ids = runs.filter(({ pipeline }) => pipeline === name).flatMap(({ id }) => parseRunId(id) ?? []);
    const [second, first] = ids;
    if (first === undefined || second === undefined) throw new Error(`${name} did not run twice`);
    return [first, second];
  };
  // What ran here becomes what a service ran: another ledger, signed by the key that its header names.
  bench.git("update-ref", LEDGER, "refs/sluice/local");
  bench.git("update-ref", "-d", "refs/sluice/local");
  rmSync(join(bench.root, ".sluice", "cache"), { recursive: true });
  const git = await opened(bench.root, "native");
  const ledger: RemoteLedger = {
    ref: LEDGER,
    refresh: async () => undefined,
    publish: async () => ({ kind: "published" }),
  };
  const signer = fileSigner(join(bench.root, ".sluice", "keys"), undefined);
  const header = parseLedgerHeader(
    (await git.file((await git.resolve(LEDGER)) ?? sha("0"), LEDGER_HEADER)) ?? new Uint8Array(),
  );
  if (header.kind !== "ok") throw new Error(header.refusal);
  const { repository: own } = header.value;
  return {
    bench,
    digits: of("digits"),
    words: of("words"),
    record: async (...events) => void (await recordEvents({ git, signer, ledger }, own, events)),
    async take(ref) {
      const head = (await git.resolve(ref)) ?? sha("0");
      const read = await readReproductions(git, head, { keys: header.value.keys, repository: own });
      if (read.kind !== "ok") throw new Error(read.refusal);
      await recordReproductions({ git, ledger }, { id: "digits", name: "digits" }, read.value);
    },
  };
}
