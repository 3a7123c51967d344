// `npm run bench:costs`: what each kind of write costs, counted on the embedded engine with items of one
// write unit and of three: so many times a plain write of the item, and so many units besides.

import { fileURLToPath } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamoDbReader, readClient } from '../src/adapters/dynamodb-reader.ts';
import {
  dynamoDbDestination,
  dynamoDbDestinationReader,
  writeClient,
} from '../src/adapters/dynamodb-table.ts';
import { systemRandom } from '../src/adapters/system-clock.ts';
import { STATE_ATTRIBUTES } from '../src/contract.ts';
import type { Item } from '../src/core/attribute-value.ts';
import { itemSizeBytes } from '../src/core/capacity.ts';
import { ConcurrencyLimit } from '../src/core/concurrency-limit.ts';
import type { HandlerSettings } from '../src/handler-settings.ts';
import { startEmbeddedDynamoDb } from '../src/local/embedded-dynamodb.ts';
import { controlKeeper } from '../src/operations/control-keeper.ts';
import { rejectionMemory } from '../src/operations/rejection-memory.ts';
import { replicateBatch } from '../src/operations/replicate-batch.ts';
import { CREDENTIALS, SETTINGS } from './approach.ts';
import { makeBatch, STREAM_ARN } from './batches.ts';
import { type Cost, CostCount } from './cost-count.ts';
import { createTable } from './create-table.ts';

/** Of a kind of write: `times` a plain write of the item, `plus` units besides. */
export interface CostRow {
  readonly what: string;
  readonly times: number;
  readonly plus: number;
  readonly readUnits: number;
  readonly queueRequests: number;
}

interface Scene {
  readonly count: CostCount;
  /** Brings one record, as the function does. */
  bring(record: unknown, changes?: Partial<HandlerSettings>): Promise<void>;
  /** A record of an item of its own, unless it is one that was used before. */
  record(shape: RecordShape): unknown;
}

interface RecordShape {
  readonly event: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly bytes: number;
  readonly number: number;
  readonly isLate?: boolean;
}

/** Write units of the two items: with both, what depends on the item is told from what does not. */
const [SMALL, LARGE] = [
  { bytes: 200, units: 1 },
  { bytes: 2_600, units: 3 },
] as const;

type Play = (scene: Scene, bytes: number, number: number) => Promise<void>;

const STRICT: Partial<HandlerSettings> = { tombstones: 'strict' };
const PLAYS: Readonly<Record<string, Play>> = {
  'checked: insert, young': ({ bring, record }, bytes, number) =>
    bring(record({ event: 'INSERT', bytes, number })),
  'checked: insert, older than 30 s': ({ bring, record }, bytes, number) =>
    bring(record({ event: 'INSERT', bytes, number, isLate: true })),
  'strict: insert': ({ bring, record }, bytes, number) =>
    bring(record({ event: 'INSERT', bytes, number }), STRICT),
  update: async ({ bring, record, count }, bytes, number) => {
    await bring(record({ event: 'INSERT', bytes, number }));
    count.reset();
    await bring(record({ event: 'MODIFY', bytes, number }));
  },
  'update on an empty place': ({ bring, record }, bytes, number) =>
    bring(record({ event: 'MODIFY', bytes, number })),
  'checked: delete': async ({ bring, record, count }, bytes, number) => {
    await bring(record({ event: 'INSERT', bytes, number }));
    count.reset();
    await bring(record({ event: 'REMOVE', bytes, number }));
  },
  'strict: delete': async ({ bring, record, count }, bytes, number) => {
    await bring(record({ event: 'INSERT', bytes, number }), STRICT);
    count.reset();
    await bring(record({ event: 'REMOVE', bytes, number }), STRICT);
  },
};

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

async function openScene(endpoint: string): Promise<Scene> {
  const options = { region: SETTINGS.destinationRegion, endpoint, credentials: CREDENTIALS };
  await createTables(new DynamoDBClient(options));
  const client = writeClient({ ...options, concurrency: 1 });
  const reads = readClient(options);
  const table = (name: string, keyAttributes: string[]) =>
    dynamoDbReader(reads, { table: name, keyAttributes });
  const twin = table(SETTINGS.destinationTable, ['pk', 'sk']);
  const state = table(SETTINGS.stateTable, [STATE_ATTRIBUTES.id]);
  const count = new CostCount(async (name, key) =>
    itemSizeBytes((await (name === SETTINGS.destinationTable ? twin : state).get(key)) ?? {}),
  );
  let first = 0;
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
  const ports = {
    destination: count.destination(dynamoDbDestination(client)),
    reader: count.reader(dynamoDbDestinationReader(client)),
  };
  const basics = { ...ports, clock, random: systemRandom, log: () => undefined };
  const control = controlKeeper({ ...basics, settings: { ...SETTINGS, streamArn: STREAM_ARN } });
  await control.admit(new Set([STREAM_ARN]));
  return {
    count,
    record({ event, bytes, number, isLate = false }) {
      first += 1;
      const [made] = makeBatch({
        ...{ records: 1, keys: 1, bytes, first },
        ...(isLate ? {} : { ageSeconds: 0 }),
        ...(event === 'REMOVE' ? { deleteShare: 1 } : { deleteShare: 0, event }),
      });
      return withKey(made, number);
    },
    async bring(record, changes = {}) {
      const { counts } = await replicateBatch([record], {
        ...basics,
        settings: { ...SETTINGS, ...changes },
        control,
        limit: new ConcurrencyLimit(1),
        rejections: rejectionMemory(),
        lookAgain: count.lookAgain({ announce: () => Promise.resolve() }),
        deadLetters: { send: () => Promise.reject(new Error('nothing should be put aside')) },
        metrics: { publish: () => undefined },
        remainingMs: () => Infinity,
      });
      if (counts.applied !== 1) throw new Error(`not applied: ${JSON.stringify(counts)}`);
    },
  };
}

/** The same record of another item. */
function withKey(record: unknown, number: number): unknown {
  const pk = { S: `customer-${number}` };
  const { dynamodb, ...rest } = record as { dynamodb: { Keys: Item; NewImage?: Item } };
  const { Keys, NewImage } = dynamodb;
  return {
    ...rest,
    dynamodb: {
      ...dynamodb,
      Keys: { ...Keys, pk },
      ...(NewImage === undefined ? {} : { NewImage: { ...NewImage, pk } }),
    },
  };
}

async function createTables(client: DynamoDBClient): Promise<void> {
  await createTable(client, SETTINGS.destinationTable, ['pk', 'sk']);
  await createTable(client, SETTINGS.stateTable, [STATE_ATTRIBUTES.id]);
  client.destroy();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { what, times, plus, readUnits, queueRequests } of await countCosts())
    console.log(`${what}: ${times} x + ${plus}, ${readUnits} r, ${queueRequests} queue requests`);
}
