import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A directory for what the files of one run share, removed at its end. */
    readonly shared: string;
  }
}

export function setup(project: TestProject): () => void {
  const shared = mkdtempSync(join(tmpdir(), "sluice-shared-"));
  project.provide("shared", shared);
  return () => rmSync(shared, { recursive: true, force: true });
}
