import type { Git, LedgerCommit } from "../src/git/git.ts";
import { digestOf, runIdOf } from "../src/identity/identity.ts";
import { commitMessage, recordedRun } from "../src/manifest/commit-message.ts";
import { PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../src/manifest/dsse.ts";
import { headerWithKey } from "../src/manifest/ledger-header.ts";
import { LEDGER_HEADER, LOCAL_LEDGER, manifestPath, signaturePath } from "../src/manifest/ledger-paths.ts";
import { parseManifest } from "../src/manifest/parse-manifest.ts";
import { renderManifest } from "../src/manifest/render-manifest.ts";
import type { RunRecord } from "../src/run/run-record.ts";
import { fileSigner } from "../src/signer/file-signer.ts";

/** Records the one run of a local ledger until there are so many `runs`, each asked for by its own request and signed on its own. */
export async function lengthen(git: Git, runs: number, keys: string): Promise<void> {
  const head = await git.resolve(LOCAL_LEDGER);
  const [first] = head === undefined ? [] : await git.log(LOCAL_LEDGER);
  const id = first === undefined ? undefined : recordedRun(first.message);
  if (head === undefined || id === undefined) throw new Error("the run was not recorded");
  const parsed = parseManifest((await git.file(head, manifestPath(id))) ?? new Uint8Array(), () => undefined);
  if (parsed.kind === "refused") throw new Error(parsed.why);
  const signer = fileSigner(keys, undefined);
  const there = await git.file(head, LEDGER_HEADER);
  const header = headerWithKey(there, parsed.record.repository, { keyId: signer.keyId, pem: signer.publicKey });
  const commits: LedgerCommit[] = [];
  for (let nth = 1; nth < runs; nth++) {
    const record = asked(parsed.record, `local:${nth.toString(32).padStart(26, "0")}`);
    const manifest = renderManifest(record);
    const bytes = await signer.sign(preAuthentication(PAYLOAD_TYPE, manifest));
    commits.push({
      files: new Map([
        [manifestPath(record.id), manifest],
        [signaturePath(record.id), renderEnvelope(manifest, { keyId: signer.keyId, bytes })],
        ...(nth === 1 && header !== undefined ? [[LEDGER_HEADER, header] as const] : []),
      ]),
      message: commitMessage(record, digestOf(manifest), undefined),
      author: { name: "sluice", email: "sluice@localhost" },
      time: 1_790_000_000 + nth,
    });
  }
  if ((await git.append(LOCAL_LEDGER, head, commits)).kind !== "appended") throw new Error("the ledger moved");
}

function asked(record: RunRecord, request: string): RunRecord {
  const id = runIdOf(record.repository, record.pipeline.id, record.source, request);
  return { ...record, id, request };
}
