import fc from "fast-check";
import { expect, test } from "vitest";

import { roomGate, withRoom } from "../../src/scheduling/room.ts";

const never = new AbortController().signal;
const memory = (memoryBytes: number): { cpu: number; memoryBytes: number; gpus: number } => ({
  cpu: 0,
  memoryBytes,
  gpus: 0,
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("whoever comes gets room in the order of coming, and never more than there is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 10 }), { maxLength: 20 }), async (demands) => {
      const gate = roomGate(memory(10));
      const inside: { readonly at: number; readonly bytes: number; readonly leave: () => void }[] = [];
      const order: number[] = [];
      demands.forEach((bytes, at) => {
        const come = async (): Promise<void> => {
          const leave = await gate.enter(memory(bytes), never);
          order.push(at);
          if (leave !== undefined) inside.push({ at, bytes, leave });
        };
        void come();
      });
      for (let left = demands.length; left > 0; left--) {
        await turn();
        expect(inside.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(10);
        inside.shift()?.leave();
      }
      expect(order).toEqual(demands.map((_, at) => at));
    }),
  );
});

test("who gives up while waiting lets the others in, and what is too large is said to be", async () => {
  const gate = roomGate(memory(10));
  expect([gate.fits(memory(10)), gate.fits(memory(11)), gate.fits({ cpu: 0, memoryBytes: 0, gpus: 1 })]).toEqual([
    true,
    false,
    false,
  ]);
  const leave = await gate.enter(memory(6), never);
  const controller = new AbortController();
  const large = gate.enter(memory(10), controller.signal);
  const small = gate.enter(memory(4), never);
  controller.abort();
  expect(await large).toBeUndefined();
  expect(await small).toBeTypeOf("function");
  leave?.();
  expect(await gate.enter(memory(6), never)).toBeTypeOf("function");
  expect(await gate.enter(memory(1), controller.signal)).toBeUndefined();
});

test("a machine that everybody left has all its cores again, whatever fractions of them were taken in whatever order", async () => {
  const cores = fc.array(fc.double({ min: 0.001, max: 4, noNaN: true }), {
    maxLength: 20,
  });
  const all = { cpu: 4, memoryBytes: 0, gpus: 0 };
  fc.assert(
    fc.property(cores, fc.infiniteStream(fc.nat()), (taken, order) => {
      let free = all;
      for (const cpu of taken) free = withRoom(free, { ...all, cpu }, -1);
      const inside = [...taken];
      while (inside.length > 0) {
        const [cpu = 0] = inside.splice((order.next().value ?? 0) % inside.length, 1);
        free = withRoom(free, { ...all, cpu }, 1);
      }
      expect(free).toEqual(all);
    }),
  );
  const gate = roomGate(all);
  const [tenth, most] = [await gate.enter({ ...all, cpu: 0.1 }, never), await gate.enter({ ...all, cpu: 0.8 }, never)];
  most?.();
  tenth?.();
  expect(await gate.enter(all, never)).toBeTypeOf("function");
});

test("what is taken of cores, memory and GPUs is gone, and what is given back is there", () => {
  const room = { cpu: 4, memoryBytes: 100, gpus: 2 };
  const taken = withRoom(room, { cpu: 1.5, memoryBytes: 30, gpus: 1 }, -1);
  expect(taken).toEqual({ cpu: 2.5, memoryBytes: 70, gpus: 1 });
  expect(withRoom(taken, { cpu: 0.5, memoryBytes: 10, gpus: 1 }, 1)).toEqual({ cpu: 3, memoryBytes: 80, gpus: 2 });
});

test("who is inside keeps the room, though it is told that it is wanted no more", async () => {
  const gate = roomGate(memory(10));
  const controller = new AbortController();
  const leave = await gate.enter(memory(10), controller.signal);
  const other = gate.enter(memory(10), never);
  controller.abort();
  await turn();
  leave?.();
  expect(await other).toBeTypeOf("function");
  expect(await Promise.race([gate.enter(memory(1), AbortSignal.abort()), turn()])).toBeUndefined();
});
