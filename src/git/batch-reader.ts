/**
 * Cuts the stream of `git cat-file --batch`, `<id> <type> <size>\n<bytes>\n` or `<name> missing\n`, into answers;
 * a missing object has neither type nor bytes. Gives the function that takes the stream's chunks.
 */
export function batchReader(
  take: (type: string | undefined, bytes: Buffer | undefined) => void,
): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  let awaited: { readonly size: number; readonly type: string } | undefined;

  function cut(buffer: Buffer): Buffer {
    let from = 0;
    for (;;) {
      if (awaited === undefined) {
        const end = buffer.indexOf(10, from);
        if (end < 0) return buffer.subarray(from);
        const header = /^[0-9a-f]{40} (\w+) (\d+)$/.exec(buffer.toString("utf8", from, end));
        from = end + 1;
        if (header === null) take(undefined, undefined);
        else awaited = { size: Number(header[2]), type: header[1] ?? "" };
        continue;
      }
      if (buffer.length - from <= awaited.size) return buffer.subarray(from);
      const { size, type } = awaited;
      awaited = undefined;
      const bytes = buffer.subarray(from, from + size);
      from += size + 1;
      take(type, bytes);
    }
  }

  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (awaited !== undefined && held <= awaited.size) return;
    const buffer = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    const rest = cut(buffer);
    parts = rest.length === 0 ? [] : [rest];
    held = rest.length;
  };
}
