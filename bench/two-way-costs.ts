// What each write costs beyond the application's own where both tables are written, counted on embedded engines until
// nothing comes back any more: so many times a plain write of the item, and so many units besides.

import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { clientUnique, clockVersion } from '../src/model/clock-version.ts';
import type { Item } from '../src/model/attribute-value.ts';
import { openTwoWayScene, type TwoWayScene } from './two-way-scene.ts';

export interface TwoWayCost {
  readonly mode: 'home' | 'stamped';
  readonly write: Write;
  /** Of a plain write of the item. */
  readonly times: number;
  readonly plus: number;
  /** Beyond the control rows. */
  readonly readUnits: number;
}

type Write = (typeof WRITES)[number];
const WRITES = ['insert', 'update', 'delete'] as const;

/** Write units of two items, also with their versions. */
const SIZES = [
  { bytes: 200, units: 1 },
  { bytes: 2_600, units: 3 },
] as const;

export async function countTwoWayCosts(): Promise<TwoWayCost[]> {
  const costs: TwoWayCost[] = [];
  for (const mode of ['home', 'stamped'] as const) {
    const scene = await openTwoWayScene(mode);
    try {
      const [small, large] = [await play(scene, mode, 0), await play(scene, mode, 1)];
      for (const [index, write] of WRITES.entries()) {
        const [one, other] = [small[index], large[index]];
        if (one === undefined || other === undefined) throw new Error('not played');
        const times = (other.write - one.write) / (SIZES[1].units - SIZES[0].units);
        const plus = one.write - times * SIZES[0].units;
        costs.push({ mode, write, times, plus, readUnits: one.read });
      }
    } finally {
      await scene.close();
    }
  }
  return costs;
}

/** One item's life. @returns the cost of each of its writes. */
async function play(scene: TwoWayScene, mode: TwoWayCost['mode'], size: 0 | 1) {
  const { client } = scene.source;
  const Key = { pk: { S: `customer-${size}` }, sk: { S: 'order' } };
  const costs: Array<ReturnType<TwoWayScene['cost']>> = [];
  for (const [index, write] of WRITES.entries()) {
    const stamp = mode === 'stamped' ? stampOf(size * WRITES.length + index) : {};
    const note = { S: 'x'.repeat(SIZES[size].bytes - 100) };
    const item: Item = { ...Key, note, count: { N: String(index) }, ...stamp };
    const target = { TableName: 'Orders' };
    if (write === 'delete') await client.send(new DeleteItemCommand({ ...target, Key }));
    else await client.send(new PutItemCommand({ ...target, Item: item }));
    scene.reset();
    await scene.settle();
    costs.push(scene.cost());
  }
  return costs;
}

function stampOf(count: number): Item {
  const facts = { epoch: 1, ms: Date.now(), counter: count, origin: 1 } as const;
  return {
    _ferry: { M: { v: { S: clockVersion({ ...facts, unique: clientUnique(1, count) }) } } },
  };
}

/** Write units for each write of the application, of items of one unit: 20 inserts, 70 updates, 10 deletes. */
export function unitsOfMix(costs: readonly TwoWayCost[], mode: TwoWayCost['mode']): number {
  const shares = { insert: 0.2, update: 0.7, delete: 0.1 };
  return costs
    .filter((one) => one.mode === mode)
    .reduce((sum, { write, times, plus }) => sum + shares[write] * (times + plus), 0);
}
