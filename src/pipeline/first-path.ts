import { globOf } from "./glob.ts";

/** Where a first pipeline stands so that the settings' glob takes it; undefined where no such name comes to mind. */
export function firstPath(glob: string): string | undefined {
  // What takes both endings of YAML is written so.
  const plain = glob
    .replace(/\.y\*ml$/, ".yaml")
    .replaceAll("**/", "")
    .replaceAll("?", "a");
  const paths = [plain, plain.replace(/\*+$/, "*.yaml")].map((path) => path.replaceAll(/\*+/g, "main"));
  const takes = globOf(glob);
  return paths.find((path) => /\.ya?ml$/.test(path) && takes(path));
}
