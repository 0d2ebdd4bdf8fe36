import { byUtf8 } from "../identity/canonical-json.ts";
import { parseBlobId, parseCommitSha } from "../identity/identity.ts";
import type { LoggedCommit, TreeEntry } from "./git.ts";

/** Lines of a command's output, without the empty last one. */
export function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function kindOf(mode: string): TreeEntry["kind"] {
  if (mode === "120000") return "link";
  if (mode === "160000") return "submodule";
  return mode === "100755" ? "executable" : "file";
}

/** `git ls-tree -r -z`. */
export function parseTree(output: Buffer): readonly TreeEntry[] {
  return output
    .toString("utf8")
    .split("\0")
    .flatMap((line) => {
      const tab = line.indexOf("\t");
      const [mode, , id] = line.slice(0, tab).split(" ");
      const blob = parseBlobId(id ?? "");
      return tab < 0 || blob === undefined ? [] : [{ path: line.slice(tab + 1), kind: kindOf(mode ?? ""), blob }];
    })
    .sort((a, b) => byUtf8(a.path, b.path));
}

/** What a work tree holds: the index and what is neither in it nor ignored, in one look. The tag tells them apart. */
export const LIST = ["ls-files", "-t", "-s", "-c", "-o", "--exclude-standard", "--exclude=/.sluice/", "-z"];

/** Entries of the index without a conflict, from the output of `LIST`. */
export function parseIndex(output: Buffer): readonly TreeEntry[] {
  return output
    .toString("utf8")
    .split("\0")
    .flatMap((line) => {
      if (line.startsWith("? ")) return [];
      const tab = line.indexOf("\t");
      const [, mode, id, stage] = line.slice(0, tab).split(" ");
      const blob = parseBlobId(id ?? "");
      return tab < 0 || blob === undefined || stage !== "0"
        ? []
        : [{ path: line.slice(tab + 1), kind: kindOf(mode ?? ""), blob }];
    });
}

/** Untracked files, from the output of `LIST`; a directory is a repository of its own. */
export function parseUntracked(output: Buffer): readonly string[] {
  return output
    .toString("utf8")
    .split("\0")
    .flatMap((line) => (line.startsWith("? ") && !line.endsWith("/") ? [line.slice(2)] : []))
    .sort(byUtf8);
}

/** `git log -z` in the format that native-git.ts asks for. */
export function parseLog(output: string): readonly LoggedCommit[] {
  return output.split("\0").flatMap((entry) => {
    const [sha, parents, time, ...message] = entry.replace(/^\n/, "").split("\n");
    const commit = parseCommitSha(sha ?? "");
    if (commit === undefined) return [];
    return [
      {
        sha: commit,
        parents: (parents ?? "").split(" ").flatMap((parent) => parseCommitSha(parent) ?? []),
        time: Number(time),
        message: message.join("\n"),
      },
    ];
  });
}
