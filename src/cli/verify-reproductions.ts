import type { Commits, TreeEntry } from "../git/git.ts";
import { digestOf, type CommitSha } from "../identity/identity.ts";
import { manifestPath } from "../manifest/ledger-paths.ts";
import { eventSignaturePath } from "../release/release-event.ts";
import { isReproductionPath, parseReproduction } from "../release/reproduction.ts";
import { verifyReproduction, type Vouching } from "../release/verify-reproduction.ts";
import type { Finding } from "../report/verify-text.ts";

/** So many are held at once. */
const SHARE = 500;

interface Checked extends Vouching {
  readonly head: CommitSha;
  readonly tree: readonly TreeEntry[];
}

/** Reproductions that no key of the ledger signed for it, that stand elsewhere than they say, or that are of no run there. */
export async function reproductionFindings(
  git: Pick<Commits, "files">,
  { head, tree, ...vouching }: Checked,
): Promise<readonly Finding[]> {
  const paths = tree.flatMap(({ path }) => (isReproductionPath(path) ? [path] : []));
  const findings: Finding[] = [];
  for (let at = 0; at < paths.length; at += SHARE)
    findings.push(...(await findingsIn(git, { head, vouching, paths: paths.slice(at, at + SHARE) })));
  return findings;
}

async function findingsIn(
  git: Pick<Commits, "files">,
  {
    head,
    vouching,
    paths,
  }: { readonly head: CommitSha; readonly vouching: Vouching; readonly paths: readonly string[] },
): Promise<readonly Finding[]> {
  const files = await git.files(head, [...paths, ...paths.map(eventSignaturePath)]);
  const runs = new Set([...files.values()].flatMap((payload) => parseReproduction(payload)?.run ?? []));
  const manifests = await git.files(head, [...runs].map(manifestPath));
  return paths.flatMap((path) => {
    const payload = files.get(path) ?? new Uint8Array();
    const verified = verifyReproduction({ path, payload, envelope: files.get(eventSignaturePath(path)) }, vouching);
    if (verified.kind === "refused") return [{ kind: "reproduction", sentence: `${path}: ${verified.why}` }];
    const manifest = manifests.get(manifestPath(verified.reproduction.run));
    if (manifest !== undefined && digestOf(manifest) === verified.reproduction.manifest) return [];
    return [{ kind: "reproduction", sentence: `${path}: it was compared with another manifest than this ledger has` }];
  });
}
