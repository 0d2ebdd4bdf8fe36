import { digestOf, digestOfJson, type Digest } from "../../identity/identity.ts";
import type { DeployPlan } from "./deployments.ts";
import type { Place } from "./promotion-place.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import type { Evidence, GateOutcome } from "../../release/evidence.ts";
import { pinPath } from "../../release/release.ts";

/** What could not be deployed is not released: it waits, and says for what. */
export function deployGate({ deploy: path }: EnvironmentSettings, deploy: DeployPlan | null): readonly GateOutcome[] {
  if (deploy === null || !("refused" in deploy)) return [];
  return [{ source: `deploy: ${path ?? ""}`, outcome: "unknown", why: deploy.refused }];
}

export async function evidenceFiles(
  { repository, tip }: Place,
  {
    environment,
    pipeline,
    deploy,
  }: { readonly environment: EnvironmentSettings; readonly pipeline: string; readonly deploy: DeployPlan | null },
): Promise<Pick<Evidence, "base" | "settings" | "deploy">> {
  const digest = async (path: string | null): Promise<Digest | null> => {
    const bytes = path === null ? undefined : await repository.mirror.file(tip, path);
    return bytes === undefined ? null : digestOf(bytes);
  };
  return {
    base: await digest(pinPath({ environment: environment.name, pipeline })),
    settings: await digest("sluice.yaml"),
    deploy: deploy === null ? null : deployDigest(await digest(environment.deploy), deploy),
  };
}

/** The file says in which order its steps run, the work order what they read, such as the scripts that they start. */
function deployDigest(file: Digest | null, deploy: DeployPlan): Digest {
  return digestOfJson([file, "plan" in deploy ? (deploy.plan.order?.digest ?? null) : null]);
}
