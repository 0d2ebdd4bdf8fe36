import { readProject } from "../controller/read-project.ts";
import { SETTINGS_PATH } from "../controller/project.ts";
import type { TreeEntry } from "../git/git.ts";
import type { BundleTrust } from "../manifest/bundle.ts";
import { isError } from "../problem/problem.ts";
import type { Finding } from "../report/verify-text.ts";
import type { Repository } from "./world.ts";

interface TrustRead {
  readonly trust: BundleTrust | null;
  /** Why bundles cannot be checked although somebody said whose count. */
  readonly findings: readonly Finding[];
}

const NOBODY: TrustRead = { trust: null, findings: [] };

/** Whose Sigstore bundles count by `sluice.yaml` of the work tree; nothing is read for a ledger that has none. */
export async function bundleTrust(repository: Repository, tree: readonly TreeEntry[]): Promise<TrustRead> {
  if (!tree.some(({ path }) => path.endsWith(".sigstore.json"))) return NOBODY;
  const { settings, problems } = await readProject(repository, repository.view);
  if (problems.some((problem) => isError(problem) && problem.at.path === SETTINGS_PATH))
    return unchecked(`${SETTINGS_PATH} has mistakes, so that nobody is trusted: sluice validate`);
  if (settings.sigstore === null) return NOBODY;
  const { trustedRoot, identities } = settings.sigstore;
  const root = await repository.view.read(trustedRoot);
  if (root === undefined)
    return unchecked(
      `${trustedRoot} is not there, and ${SETTINGS_PATH} names it as their trusted root: \`cosign trusted-root create --with-default-services --out ${trustedRoot}\` writes that of the public Sigstore`,
    );
  return { trust: { identities, root: new TextDecoder().decode(root) }, findings: [] };
}

function unchecked(why: string): TrustRead {
  return { trust: null, findings: [{ kind: "trusted-root", sentence: `Sigstore bundles were not checked: ${why}` }] };
}
