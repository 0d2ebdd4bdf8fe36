import type { Environment } from "../pipeline/pipeline.ts";
import type { Failure } from "../run/run-record.ts";
import { condaRecipe } from "./conda-recipe.ts";
import { nodeRecipe } from "./node-recipe.ts";
import type { Here, Recipe } from "./recipe.ts";
import { uvRecipe } from "./uv-recipe.ts";
import { venvRecipe } from "./venv-recipe.ts";

/** The recipe of a kind of environment. */
export function recipeOf(
  environment: Exclude<Environment, { kind: "system" | "image" }>,
  lock: string,
  here: Here,
): Promise<Recipe | Failure> | Recipe | Failure {
  switch (environment.kind) {
    case "venv":
      return venvRecipe(environment, lock, here);
    case "uv":
      return uvRecipe(environment, lock, here);
    case "conda":
      return condaRecipe(environment, lock, here);
    case "node":
      return nodeRecipe(environment, lock, here);
    default:
      return environment satisfies never;
  }
}
