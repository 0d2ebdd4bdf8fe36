import type { JsonObject } from "../../src/identity/canonical-json.ts";
import { digestOf, type Digest } from "../../src/identity/identity.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import type { Pipeline } from "../../src/pipeline/pipeline.ts";
import type { Resolution } from "../../src/pipeline/resolution.ts";
import { resolvePipeline } from "../../src/pipeline/resolve.ts";
import { treeOf } from "../../src/pipeline/tree.ts";
import type { WorkOrder } from "../../src/plan/plan.ts";
import { workOrder } from "../../src/plan/work-order.ts";

export function parsed(text: string, path = "pipelines/p.yaml"): Pipeline {
  const { value, problems } = parsePipeline({ path, bytes: new TextEncoder().encode(text) });
  if (value === null) throw new Error(problems.map((problem) => `${problem.at.line}: ${problem.message}`).join("\n"));
  return value;
}

/** A pipeline joined with files whose bytes are given. */
export function resolved(
  text: string,
  files: Readonly<Record<string, string>> = {},
  params: JsonObject = {},
): Resolution {
  const tree = treeOf(
    Object.keys(files)
      .sort()
      .map((path) => ({ path, kind: "file" as const, tracked: true })),
  );
  const pipeline = parsed(text);
  const own = pipeline.params.flatMap((source) => (source.kind === "map" ? [source.values] : []));
  return resolvePipeline({
    pipeline,
    tree,
    params: Object.assign({}, params, ...own) as JsonObject,
    datasets: new Map(),
  });
}

export function ordered(
  text: string,
  files: Readonly<Record<string, string>> = {},
  params: JsonObject = {},
): WorkOrder {
  const fact = (path: string): { digest: Digest; executable: boolean; size: number } | undefined => {
    const bytes = files[path];
    return bytes === undefined ? undefined : { digest: digestOf(bytes), executable: false, size: bytes.length };
  };
  return workOrder(resolved(text, files, params), fact, { platform: "linux-x64", accelerator: null });
}
