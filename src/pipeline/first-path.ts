import picomatch from "picomatch";

/** Where a first pipeline stands so that the settings' glob takes it; undefined where no such name comes to mind. */
export function firstPath(glob: string): string | undefined {
  const plain = glob
    .replaceAll(/\{([^,{}]*),[^{}]*\}/g, "$1")
    .replaceAll("**/", "")
    .replaceAll(/\[[^\]]*\]|\?/g, "a");
  const paths = [plain, plain.replace(/\*+$/, "*.yaml")].map((path) => path.replaceAll(/\*+/g, "main"));
  const takes = picomatch(glob, { dot: false });
  return paths.find((path) => /\.ya?ml$/.test(path) && takes(path));
}
