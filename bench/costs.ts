// `npm run bench:costs`: what each kind of write costs, counted on the embedded engine with items of one
// write unit and of three: so many times a plain write of the item, and so many units besides.

import { fileURLToPath } from 'node:url';
import type { Cost } from './cost-count.ts';
import { openScene, type RecordOf, type Scene } from './cost-scene.ts';

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

type Play = (scene: Scene, record: RecordOf) => Promise<unknown>;

const STRICT = { tombstones: 'strict' } as const;
const PLAYS: Readonly<Record<string, Play>> = {
  'checked: insert, young': (scene, record) => scene.bring(record('INSERT')),
  'checked: insert, older than 30 s': (scene, record) =>
    scene.bring(record('INSERT', { isLate: true })),
  'strict: insert': (scene, record) => scene.bring(record('INSERT'), STRICT),
  update: async (scene, record) => {
    await present(scene, record);
    await scene.bring(record('MODIFY'));
  },
  'update on an empty place': (scene, record) => scene.bring(record('MODIFY')),
  'checked: delete': async (scene, record) => {
    await present(scene, record);
    await scene.bring(record('REMOVE'));
  },
  'strict: delete': async (scene, record) => {
    await present(scene, record);
    await scene.bring(record('REMOVE'), STRICT);
  },
  copy: (scene, record) => scene.copy(record('INSERT')),
  're-synchronise, different': async (scene, record) => {
    const newest = record('MODIFY');
    await present(scene, record);
    await scene.changeAtSource(newest);
    await scene.resynchronize(newest);
  },
  'redrive of a put': async (scene, record) => {
    await present(scene, record);
    await scene.redrive(record('MODIFY'));
  },
  'cold start': (scene) => scene.start(),
};

/** The item is at the twin already; what that took does not count. */
async function present(scene: Scene, record: RecordOf): Promise<void> {
  await scene.bring(record('INSERT'));
  scene.count.reset();
}

/** Every kind, in one scene. */
export async function countCosts(): Promise<CostRow[]> {
  const scene = await openScene();
  try {
    const rows: CostRow[] = [];
    let number = 0;
    for (const [what, play] of Object.entries(PLAYS)) {
      const costs: Cost[] = [];
      for (const { bytes } of [SMALL, LARGE]) {
        scene.count.reset();
        await play(scene, scene.recordsOf((number += 1), bytes));
        costs.push({ ...scene.count.cost });
      }
      rows.push(rowOf(what, costs as [Cost, Cost]));
    }
    return rows;
  } finally {
    await scene.close();
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
