import type { TwinRepository } from "../world.ts";
import type { Addresses } from "./user.ts";

/** A label as GitHub gives it; its number is made from its name. */
export function labelShape(name: string, repository: TwinRepository, { base }: Addresses): Record<string, unknown> {
  const id = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_000_007, 7);
  return {
    id,
    node_id: `LA_${id}`,
    url: `${base}/repos/${repository.fullName}/labels/${encodeURIComponent(name)}`,
    name,
    color: "ededed",
    default: false,
    description: "",
  };
}
