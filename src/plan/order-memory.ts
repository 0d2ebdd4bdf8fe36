import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import { digestOf, type Digest } from "../identity/identity.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Resolution, ResolveInput } from "../pipeline/resolution.ts";
import { resolvePipeline } from "../pipeline/resolve.ts";
import type { Tree } from "../pipeline/tree.ts";
import type { WorkOrder } from "./plan.ts";
import { workOrder, type FileFact, type WorkOrderOptions } from "./work-order.ts";

/** Resolves pipelines and makes their work orders; what was made of the same input before is the same object. */
export interface OrderMemory {
  resolve(input: ResolveInput): Resolution;
  order(resolution: Resolution, fact: (path: string) => FileFact | undefined, options: WorkOrderOptions): WorkOrder;
}

/** Makes everything anew. */
export const NO_MEMORY: OrderMemory = { resolve: resolvePipeline, order: workOrder };

/** States of one pipeline that are kept: of the base, of the head, and of another pull request. */
const STATES = 3;

/**
 * Keeps what was made of a parsed pipeline for as long as that is kept itself. A resolution depends on which files
 * there are and never on their bytes; an order depends on the resolution and on the digests of what it names.
 */
export function orderMemory(): OrderMemory {
  const resolutions = new WeakMap<Pipeline, Kept<Resolution>[]>();
  const orders = new WeakMap<Resolution, Kept<WorkOrder>[]>();
  return {
    resolve(input) {
      const datasets = [...input.datasets] as unknown as Json;
      const key = `${structureOf(input.tree)} ${canonicalJson(input.params)} ${canonicalJson(datasets)}`;
      return remembered(resolutions, [input.pipeline, key], () => resolvePipeline(input));
    },
    order(resolution, fact, options) {
      const facts = resolution.sources.map((path) => {
        const found = fact(path);
        return found === undefined ? "none" : `${found.digest} ${found.executable} ${found.size}`;
      });
      const key = [keyOfOptions(options), ...facts].join("\n");
      return remembered(orders, [resolution, key], () => workOrder(resolution, fact, options));
    },
  };
}

function keyOfOptions({ platform, accelerator, pools, pool }: WorkOrderOptions): string {
  return JSON.stringify([platform, accelerator, pools ?? null, pool ?? null]);
}

interface Kept<Value> {
  readonly key: string;
  readonly value: Value;
}

function remembered<Of extends object, Value>(
  all: WeakMap<Of, Kept<Value>[]>,
  [of, key]: readonly [Of, string],
  make: () => Value,
): Value {
  const kept = all.get(of) ?? [];
  const found = kept.find((one) => one.key === key);
  if (found !== undefined) return found.value;
  const value = make();
  all.set(of, [{ key, value }, ...kept.slice(0, STATES - 1)]);
  return value;
}

const structures = new WeakMap<Tree, Digest>();

/** Which files there are, of which kind, and where links lead. */
function structureOf(tree: Tree): Digest {
  const known = structures.get(tree);
  if (known !== undefined) return known;
  const digest = digestOf(
    tree.files.map(({ path, kind, tracked, target }) => `${kind} ${tracked} ${path}\0${target ?? ""}\0`).join(""),
  );
  structures.set(tree, digest);
  return digest;
}
