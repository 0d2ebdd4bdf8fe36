import type { TwinForge } from "../../src/twin/forge.ts";
import type { TwinRepository } from "../../src/twin/world.ts";

const PIPELINE = `version: 1
name: sum
params: params.yaml
steps:
  add:
    run: sh add.sh
    inputs: [add.sh, data.txt]
    params: [plus]
    outputs: [sum.txt]
    metrics: [metrics.json]
metrics:
  total: { step: add, goal: higher }
`;
const SCRIPT = `total=$(( $(cat data.txt) + SLUICE_PARAM_PLUS ))
echo "$total" > sum.txt
echo "{\\"total\\": $total}" > metrics.json
`;

/** A repository with one small pipeline: 41 and a parameter give a metric. */
export function digits(forge: TwinForge, files: Readonly<Record<string, string>> = {}): Promise<TwinRepository> {
  return forge.repository({
    owner: "acme",
    name: "digits",
    files: {
      "pipelines/sum.yaml": PIPELINE,
      "params.yaml": "plus: 1\n",
      "data.txt": "41\n",
      "add.sh": SCRIPT,
      "README.md": "x\n",
      ...files,
    },
    roles: { alice: "write", mallory: "read" },
  });
}

export const PLUS_TWO = { files: { "params.yaml": "plus: 2\n" }, message: "Add more", login: "alice" } as const;
