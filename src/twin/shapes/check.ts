import type { TwinCheck, TwinRepository } from "../world.ts";
import { appShape } from "./app.ts";
import { node, type Addresses } from "./user.ts";

/** A check run as GitHub's REST API gives it. */
export function checkShape(check: TwinCheck, repository: TwinRepository, at: Addresses): Record<string, unknown> {
  const url = `${at.base}/repos/${repository.fullName}/check-runs/${check.id}`;
  const { title, summary, text, annotations } = check.output;
  return {
    id: check.id,
    node_id: node("CR", check.id),
    head_sha: check.head,
    name: check.name,
    external_id: check.externalId,
    url,
    html_url: `${at.host}/${repository.fullName}/runs/${check.id}`,
    details_url: `${at.host}/${repository.fullName}/runs/${check.id}`,
    status: check.status,
    conclusion: check.conclusion,
    started_at: check.startedAt,
    completed_at: check.completedAt,
    output: {
      title: title === "" ? null : title,
      summary: summary === "" ? null : summary,
      text: text === "" ? null : text,
      annotations_count: annotations.length,
      annotations_url: `${url}/annotations`,
    },
    check_suite: { id: check.id },
    app: appShape(at),
    pull_requests: [],
  };
}

/** An annotation as GitHub lists it. */
export function annotationShape(
  annotation: Readonly<Record<string, unknown>>,
  { head }: TwinCheck,
  at: { readonly repository: TwinRepository; readonly host: string },
): Record<string, unknown> {
  const path = String(annotation["path"]);
  return {
    path,
    start_line: annotation["start_line"],
    end_line: annotation["end_line"],
    start_column: annotation["start_column"] ?? null,
    end_column: annotation["end_column"] ?? null,
    annotation_level: annotation["annotation_level"],
    title: annotation["title"] ?? null,
    message: annotation["message"],
    raw_details: annotation["raw_details"] ?? null,
    blob_href: `${at.host}/${at.repository.fullName}/blob/${head}/${encodeURI(path)}`,
  };
}
