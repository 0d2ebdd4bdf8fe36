import type { JsonObject } from "../identity/canonical-json.ts";
import type { View } from "../git/view.ts";
import type { Source } from "../pipeline/parsed.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Settings } from "../pipeline/settings.ts";
import type { Tree } from "../pipeline/tree.ts";
import type { Problem } from "../problem/problem.ts";

export const SETTINGS_PATH = "sluice.yaml";

export interface PipelineFile {
  readonly path: string;
  readonly pipeline: Pipeline;
  /** Merged from all its sources, before overrides. */
  readonly params: JsonObject;
  /** Parameter files as read, by path: steps get them reduced to what they declare. */
  readonly parameterFiles: readonly Source[];
}

/** What people wrote, parsed: the settings and every pipeline of one state of the repository. */
export interface Project {
  readonly view: View;
  readonly settings: Settings;
  readonly pipelines: readonly PipelineFile[];
  readonly tree: Tree;
  /** Mistakes in settings, pipelines and parameter files. */
  readonly problems: readonly Problem[];
  /** Paths of pipeline files that have errors and are therefore missing from `pipelines`. */
  readonly broken: readonly string[];
}
