import type { Environment } from "../pipeline/pipeline.ts";
import type { Failure } from "../run/run-record.ts";
import type { Recipe, Variable } from "./recipe.ts";
import { venvRecipe } from "./venv-recipe.ts";

/** How an environment is made from the text of its lock; a failure where it cannot be made here. */
export async function recipeOf(
  environment: Exclude<Environment, { kind: "system" | "image" }>,
  lock: string,
  here: { readonly python: string | undefined; readonly path: string; readonly variable: Variable },
): Promise<Recipe | Failure> {
  switch (environment.kind) {
    case "venv":
      return venvRecipe(environment, lock, here);
    case "uv":
    case "conda":
    case "node":
      return {
        kind: "refused",
        why: `\`environment: { ${environment.kind}: … }\` is not built by workers in this version`,
        next: "use `{ venv: …, lock: … }`, or an image",
      };
    default:
      return environment satisfies never;
  }
}
