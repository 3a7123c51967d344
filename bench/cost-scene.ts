// Tables on an embedded engine, and the product's own operations over ports that count what they cost.

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamoDbReader, readClient } from '../src/aws/dynamodb-reader.ts';
import {
  dynamoDbTwinWriter,
  dynamoDbTwinReader,
  dynamoDbTransactions,
  writeClient,
} from '../src/aws/dynamodb-table.ts';
import { systemRandom } from '../src/aws/system-clock.ts';
import { LEDGER_ATTRIBUTES } from '../src/config/names.ts';
import { canonicalKey, type Item } from '../src/model/attribute-value.ts';
import { copyRequest, toCopy } from '../src/backfill/copy.ts';
import { itemSizeBytes } from '../src/model/capacity.ts';
import { ConcurrencyLimit } from '../src/replicate/concurrency-limit.ts';
import { type ControlRow, seriesIn } from '../src/model/control-row.ts';
import { destinationHealth } from '../src/replicate/destination-health.ts';
import { floorOf } from '../src/model/guard.ts';
import { parseStreamRecord } from '../src/model/stream-record.ts';
import type { HandlerSettings } from '../src/config/handler-settings.ts';
import { controlKeeper } from '../src/replicate/control-keeper.ts';
import { redriveItem } from '../src/redrive/item.ts';
import { rejectionMemory } from '../src/replicate/systemic-rejection.ts';
import { replicateBatch } from '../src/replicate/replicate-batch.ts';
import { resynchronizeKey } from '../src/resync/resynchronize-key.ts';
import { CREDENTIALS, SETTINGS } from './approach.ts';
import { makeBatch, STREAM_ARN } from './batches.ts';
import { CostCount } from './cost-count.ts';
import { createTable } from './create-table.ts';

export interface Scene {
  readonly count: CostCount;
  /** A record of the item called `number`, newer than all records before. */
  record(shape: RecordShape): unknown;
  /** Applies a record as the function does. */
  bring(record: unknown, changes?: Partial<HandlerSettings>): Promise<void>;
  /** Puts a record back that was put aside. */
  redrive(record: unknown): Promise<void>;
  /** Writes the image of a record to the source. */
  putAtSource(record: unknown): Promise<void>;
  /** Makes the item of a record equal to the source's. */
  resynchronize(record: unknown): Promise<void>;
  /** Copies the image of a record as a backfill does. */
  copy(record: unknown): Promise<void>;
  /** Reads the control row as a function does that has just been started. */
  start(): Promise<void>;
}

export interface RecordShape {
  readonly event: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly bytes: number;
  readonly number: number;
  readonly isLate?: boolean;
}

const SOURCE = 'Source';
const FOREVER = () => Infinity;

export async function openScene(endpoint: string): Promise<Scene> {
  const parts = await openParts(endpoint);
  const { count, basics, ports } = parts;
  const control = controlKeeper({ ...basics, ...ports, rules: parts.settings });
  const admission = await control.admit(new Set([STREAM_ARN]), FOREVER);
  if (admission.kind === 'held') throw new Error(admission.why);
  const { row } = admission;
  let first = 0;
  return {
    count,
    record({ event, bytes, number, isLate = false }) {
      first += 1;
      const [made] = makeBatch({
        records: 1,
        keys: 1,
        bytes,
        first,
        ...(isLate ? {} : { ageSeconds: 0 }),
        ...(event === 'REMOVE' ? { deleteShare: 1 } : { deleteShare: 0, event }),
      });
      return withKey(made, number);
    },
    async bring(record, changes = {}) {
      const { counts } = await replicateBatch([record], {
        ...basics,
        ...ports,
        rules: { ...SETTINGS, ...changes },
        control,
        limit: new ConcurrencyLimit(1),
        rejections: rejectionMemory(),
        deadLetters: { send: () => Promise.reject(new Error('nothing should be put aside')) },
        metrics: { publish: () => undefined },
        remainingMs: FOREVER,
      });
      if (counts.applied !== 1) throw new Error(`not applied: ${JSON.stringify(counts)}`);
    },
    async redrive(raw) {
      const outcome = await redriveItem(itemOf(raw, row), { ...sending(parts, row) }, NEVER);
      if (outcome.kind !== 'applied') throw new Error(`not applied: ${JSON.stringify(outcome)}`);
    },
    async putAtSource(raw) {
      const Item = imageOf(raw);
      await parts.uncounted.write({ operation: 'PutItem', input: { TableName: SOURCE, Item } });
    },
    async resynchronize(raw) {
      const result = await resynchronizeKey(itemOf(raw, row), sending(parts, row));
      if (result.kind !== 'equal' || !result.changed) throw new Error(JSON.stringify(result));
    },
    async copy(raw) {
      const { key, floor } = itemOf(raw, row);
      const plan = { rules: SETTINGS, floor };
      await parts.transactions.transact(copyRequest([toCopy(key, imageOf(raw), plan)], plan));
    },
    async start() {
      const keeper = controlKeeper({ ...basics, ...ports, rules: parts.settings });
      await keeper.admit(new Set([STREAM_ARN]), FOREVER);
    },
  };
}

const NEVER = new AbortController().signal;

type Parts = Awaited<ReturnType<typeof openParts>>;

async function openParts(endpoint: string) {
  const options = { region: SETTINGS.destinationRegion, endpoint, credentials: CREDENTIALS };
  await createTables(new DynamoDBClient(options));
  const client = writeClient({ ...options, concurrency: 1 });
  const reads = readClient(options);
  const table = (name: string, keyAttributes: string[]) =>
    dynamoDbReader(reads, { table: name, keyAttributes });
  const twin = table(SETTINGS.destinationTable, ['pk', 'sk']);
  const ledger = table(SETTINGS.stateTable, [LEDGER_ATTRIBUTES.id]);
  const count = new CostCount(async (name, key) =>
    itemSizeBytes((await (name === SETTINGS.destinationTable ? twin : ledger).get(key)) ?? {}),
  );
  const uncounted = dynamoDbTwinWriter(client);
  return {
    count,
    uncounted,
    settings: { ...SETTINGS, streamArn: STREAM_ARN },
    basics: {
      clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
      random: systemRandom,
      log: () => undefined,
    },
    ports: {
      twinWriter: count.destination(uncounted),
      twinReader: count.reader(dynamoDbTwinReader(client)),
      lookAgain: count.lookAgain({ announce: () => Promise.resolve() }),
    },
    transactions: count.transactions(dynamoDbTransactions(client)),
    tables: {
      source: count.items(table(SOURCE, ['pk', 'sk'])),
      twin: count.items(twin),
      ledger: count.items(ledger),
    },
  };
}

/** What redrives and re-synchronisations need. */
function sending({ basics, ports, tables }: Parts, control: ControlRow) {
  return {
    ...basics,
    ...ports,
    ...tables,
    rules: SETTINGS,
    control,
    epoch: 1,
    withoutSource: false,
    health: destinationHealth(),
    remainingMs: FOREVER,
  };
}

function itemOf(raw: unknown, row: ControlRow) {
  const { kind, record } = parseStreamRecord(raw, 0, seriesIn(row));
  if (kind !== 'record') throw new Error('malformed');
  const { key, version } = record;
  const floor = floorOf({ epoch: 1, labelMs: 0 });
  const keyText = canonicalKey(key);
  return { key, keyText, floor, version, record, streamArn: STREAM_ARN, asksSource: false };
}

function imageOf(raw: unknown): Item {
  return (raw as { dynamodb: { NewImage: Item } }).dynamodb.NewImage;
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
  await createTable(client, SOURCE, ['pk', 'sk']);
  await createTable(client, SETTINGS.stateTable, [LEDGER_ATTRIBUTES.id]);
  client.destroy();
}
