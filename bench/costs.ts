// `npm run bench:costs`: what each kind of write costs, counted on the embedded engine with items of one
// write unit and of three: so many times a plain write of the item, and so many units besides.

import { fileURLToPath } from 'node:url';
import type { HandlerSettings } from '../src/config/handler-settings.ts';
import { startEmbeddedDynamoDb } from '../src/local/engine/embedded-dynamodb.ts';
import type { Cost } from './cost-count.ts';
import { openScene, type Scene } from './cost-scene.ts';

/** Of a kind of write: `times` a plain write of the item, `plus` units besides. */
export interface CostRow {
  readonly what: string;
  readonly times: number;
  readonly plus: number;
  /** Of 4 KB, consistent; eventually consistent ones count half. */
  readonly readUnits: number;
  readonly queueRequests: number;
}

/** Write units of two items, to separate costs that depend on the item from those that do not. */
const [SMALL, LARGE] = [
  { bytes: 200, units: 1 },
  { bytes: 2_600, units: 3 },
] as const;

type Play = (scene: Scene, bytes: number, number: number) => Promise<void>;

const STRICT: Partial<HandlerSettings> = { tombstones: 'strict' };
const PLAYS: Readonly<Record<string, Play>> = {
  'checked: insert, young': (scene, bytes, number) =>
    scene.bring(scene.record({ event: 'INSERT', bytes, number })),
  'checked: insert, older than 30 s': (scene, bytes, number) =>
    scene.bring(scene.record({ event: 'INSERT', bytes, number, isLate: true })),
  'strict: insert': (scene, bytes, number) =>
    scene.bring(scene.record({ event: 'INSERT', bytes, number }), STRICT),
  update: async (scene, bytes, number) => {
    await present(scene, bytes, number);
    await scene.bring(scene.record({ event: 'MODIFY', bytes, number }));
  },
  'update on an empty place': (scene, bytes, number) =>
    scene.bring(scene.record({ event: 'MODIFY', bytes, number })),
  'checked: delete': async (scene, bytes, number) => {
    await present(scene, bytes, number);
    await scene.bring(scene.record({ event: 'REMOVE', bytes, number }));
  },
  'strict: delete': async (scene, bytes, number) => {
    await present(scene, bytes, number);
    await scene.bring(scene.record({ event: 'REMOVE', bytes, number }), STRICT);
  },
  copy: (scene, bytes, number) => scene.copy(scene.record({ event: 'INSERT', bytes, number })),
  're-synchronise, different': async (scene, bytes, number) => {
    const record = scene.record({ event: 'MODIFY', bytes, number });
    await present(scene, bytes, number);
    await scene.putAtSource(differing(record));
    await scene.resynchronize(record);
  },
  'redrive of a put': async (scene, bytes, number) => {
    await present(scene, bytes, number);
    await scene.redrive(scene.record({ event: 'MODIFY', bytes, number }));
  },
  'cold start': (scene) => scene.start(),
};

/** The item is at the twin already; what that took does not count. */
async function present(scene: Scene, bytes: number, number: number): Promise<void> {
  await scene.bring(scene.record({ event: 'INSERT', bytes, number }));
  scene.count.reset();
}

function differing(record: unknown): unknown {
  return JSON.parse(JSON.stringify(record).replace('"12345.67"', '"76543.21"'));
}

/** Every kind, counted on an engine of its own. */
export async function countCosts(): Promise<CostRow[]> {
  const engine = await startEmbeddedDynamoDb({});
  try {
    const scene = await openScene(engine.endpoint);
    const rows: CostRow[] = [];
    let number = 0;
    for (const [what, play] of Object.entries(PLAYS)) {
      const costs: Cost[] = [];
      for (const { bytes } of [SMALL, LARGE]) {
        scene.count.reset();
        await play(scene, bytes, (number += 1));
        costs.push({ ...scene.count.cost });
      }
      rows.push(rowOf(what, costs as [Cost, Cost]));
    }
    return rows;
  } finally {
    await engine.stop();
  }
}

function rowOf(what: string, [small, large]: readonly [Cost, Cost]): CostRow {
  const times = (large.write - small.write) / (LARGE.units - SMALL.units);
  const { read: readUnits, queueRequests } = small;
  return { what, times, plus: small.write - times * SMALL.units, readUnits, queueRequests };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { what, times, plus, readUnits, queueRequests } of await countCosts())
    console.log(`${what}: ${times} x + ${plus}, ${readUnits} r, ${queueRequests} queue requests`);
}
