import { hash, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { promisify } from "node:util";
import { deflate, deflateSync, inflateSync } from "node:zlib";

export type ObjectType = "blob" | "tree" | "commit";

const sync = promisify(fsync);
const compress = promisify(deflate);
/** Bytes from which on it pays to compress in another thread. */
const LARGE = 16_384;

/** The bytes of an object that lies in a file of its own; undefined where it is in a pack, of another type or nowhere. */
export function readLoose(objects: string, id: string, type: ObjectType): Buffer | undefined {
  let whole: Buffer;
  try {
    whole = inflateSync(readFileSync(pathOf(objects, id)));
  } catch {
    return undefined;
  }
  const end = whole.indexOf(0);
  return whole.toString("latin1", 0, end).startsWith(`${type} `) ? whole.subarray(end + 1) : undefined;
}

/** Objects that are named at once and written together. */
export interface LooseWriter {
  /** The id of the object. */
  put(type: ObjectType, bytes: Uint8Array): string;
  /** An object that was put before. */
  get(id: string, type: ObjectType): Uint8Array | undefined;
  /** All of them are on the disk when this ends. */
  flush(): Promise<void>;
}

interface Written {
  readonly type: ObjectType;
  readonly bytes: Uint8Array;
  readonly header: Buffer;
}

export function looseWriter(objects: string): LooseWriter {
  const waiting = new Map<string, Written>();
  return {
    put(type, bytes) {
      const header = Buffer.from(`${type} ${bytes.byteLength}\0`, "latin1");
      const id = hash("sha1", Buffer.concat([header, bytes]), "hex");
      waiting.set(id, { type, bytes, header });
      return id;
    },
    get(id, type) {
      const known = waiting.get(id);
      return known?.type === type ? known.bytes : undefined;
    },
    async flush() {
      const fresh = [...waiting].filter(([id]) => !existsSync(pathOf(objects, id)));
      const mode = statSync(objects).mode & 0o777;
      const word = randomBytes(6).toString("hex");
      const files = fresh.map(([id, object]) => ({
        id,
        object,
        temporary: `${objects}/tmp_obj_${word}${id.slice(0, 12)}`,
      }));
      try {
        // Handed to the disk together: it then writes them together too.
        await Promise.all(files.map(({ object, temporary }) => writeFlushed(temporary, object)));
        for (const { id, temporary } of files) {
          makeFan(`${objects}/${id.slice(0, 2)}`, mode);
          renameSync(temporary, pathOf(objects, id));
        }
      } catch (error) {
        for (const { temporary } of files) rmSync(temporary, { force: true });
        throw error;
      }
      waiting.clear();
    },
  };
}

function pathOf(objects: string, id: string): string {
  return `${objects}/${id.slice(0, 2)}/${id.slice(2)}`;
}

async function writeFlushed(path: string, { header, bytes }: Written): Promise<void> {
  const whole = Buffer.concat([header, bytes]);
  const packed = whole.byteLength < LARGE ? deflateSync(whole, { level: 1 }) : await compress(whole, { level: 1 });
  const file = openSync(path, "wx", 0o444);
  try {
    writeFileSync(file, packed);
    await sync(file);
  } finally {
    closeSync(file);
  }
}

/** In a shared repository git widens the rights of what it makes; those of the directory above say how far. */
function makeFan(directory: string, mode: number): void {
  if (existsSync(directory)) return;
  mkdirSync(directory, { recursive: true });
  if ((statSync(directory).mode & 0o777) !== mode) chmodSync(directory, mode);
}
