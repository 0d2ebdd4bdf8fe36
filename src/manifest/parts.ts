import type { Digest } from "../identity/identity.ts";
import type { Facts } from "./facts.ts";
import type { Observations } from "./observations.ts";

/** What a manifest says of a run, before it is cut into parts. */
export interface Body {
  readonly facts: Facts;
  readonly observations: Observations;
}

/** What may stand beside a manifest that would grow beyond its bound, in the order in which it leaves. */
export const PART_NAMES = ["sources", "paths", "observations", "params", "steps"] as const;
export type PartName = (typeof PART_NAMES)[number];

/** Names a part from within the manifest, so that the manifest's signature covers it. */
export interface PartReference {
  readonly file: string;
  readonly digest: Digest;
  /** Entries in it. */
  readonly count: number;
}

export type Parts = Partial<Readonly<Record<PartName, PartReference>>>;

export function partFile(name: PartName): string {
  return `${name}.json`;
}

/** The value that a part carries. */
export function partValue({ facts, observations }: Body, name: PartName): object {
  switch (name) {
    case "sources":
      return facts.sources;
    case "paths":
      return facts.dirty?.paths ?? [];
    case "observations":
      return observations.steps;
    case "params":
      return { params: facts.params, overrides: facts.overrides };
    case "steps":
      return facts.steps;
  }
}

/** The body without what a part carries. */
export function withoutPart(body: Body, name: PartName): Body {
  const { facts, observations } = body;
  switch (name) {
    case "sources":
      return { facts: { ...facts, sources: {} }, observations };
    case "paths":
      return { facts: { ...facts, dirty: facts.dirty === null ? null : { ...facts.dirty, paths: [] } }, observations };
    case "observations":
      return { facts, observations: { ...observations, steps: [] } };
    case "params":
      return { facts: { ...facts, params: {}, overrides: {} }, observations };
    case "steps":
      return { facts: { ...facts, steps: [] }, observations };
  }
}
