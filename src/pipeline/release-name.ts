/** What a release's artifact is called among the datasets of a plan, and in the manifest of its deployment. */
export function releaseName(path: string): string {
  return `release:${path}`;
}
