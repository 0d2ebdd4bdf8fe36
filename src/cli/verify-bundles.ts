import type { Commits, TreeEntry } from "../git/git.ts";
import type { CommitSha } from "../identity/identity.ts";
import { bundleFault, bundlePath, type CheckBundle } from "../manifest/bundle.ts";
import { EVENT_TYPE } from "../release/release-event.ts";
import { isReproductionPath, REPRODUCTION_TYPE } from "../release/reproduction.ts";
import type { Finding, VerifyView } from "../report/verify-text.ts";

/** So many are held at once. */
const SHARE = 500;

interface Checked {
  readonly head: CommitSha;
  readonly tree: readonly TreeEntry[];
  /** Undefined where nobody said whose count. */
  readonly check: CheckBundle | undefined;
}

/** Sigstore bundles over events and reproductions that do not count; those over runs are looked at with them. */
export async function bundleFindings(
  git: Pick<Commits, "files">,
  { head, tree, check }: Checked,
): Promise<readonly Finding[]> {
  if (check === undefined) return [];
  const paths = bundledPaths(tree);
  const findings: Finding[] = [];
  for (let at = 0; at < paths.length; at += SHARE) {
    const share = paths.slice(at, at + SHARE);
    const files = await git.files(head, [...share, ...share.map(bundlePath)]);
    for (const path of share) {
      const [payload, bundle] = [files.get(path), files.get(bundlePath(path))];
      if (payload === undefined || bundle === undefined) continue;
      const type = isReproductionPath(path) ? REPRODUCTION_TYPE : EVENT_TYPE;
      const fault = bundleFault(check(bundle, payload, type), "sluice.yaml");
      if (fault !== undefined) findings.push({ kind: "identity", sentence: `${path}: ${fault}` });
    }
  }
  return findings;
}

/** How many of these nobody looks at where nobody said whose count. */
export function uncheckedBundles(tree: readonly TreeEntry[]): NonNullable<VerifyView["unchecked"]> {
  const paths = bundledPaths(tree);
  const reproductions = paths.filter(isReproductionPath).length;
  return { events: paths.length - reproductions, reproductions };
}

/** Events and reproductions with a bundle. */
function bundledPaths(tree: readonly TreeEntry[]): readonly string[] {
  const signed = tree.flatMap(({ path }) =>
    path.endsWith(".sig.json") && !path.endsWith("/manifest.sig.json") ? [path.replace(/\.sig\.json$/, ".json")] : [],
  );
  const there = new Set(tree.map(({ path }) => path));
  return signed.filter((path) => there.has(bundlePath(path)));
}
