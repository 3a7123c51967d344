// Tables on embedded engines, and the product's own operations over ports that count what they cost.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { fixedCredentials, sidesOf } from '../src/aws/access.ts';
import { systemRandom } from '../src/aws/system-clock.ts';
import { copyRequest, toCopy } from '../src/backfill/copy.ts';
import { openTablePair } from '../src/composition/table-pair.ts';
import { type ControlRow, seriesIn } from '../src/model/control-row.ts';
import { floorOf } from '../src/model/guard.ts';
import { parseStreamRecord } from '../src/model/stream-record.ts';
import { redriveItem } from '../src/redrive/item.ts';
import { ConcurrencyLimit } from '../src/replicate/concurrency-limit.ts';
import { controlKeeper } from '../src/replicate/control-keeper.ts';
import { destinationHealth } from '../src/replicate/destination-health.ts';
import { replicateBatch } from '../src/replicate/replicate-batch.ts';
import { rejectionMemory } from '../src/replicate/systemic-rejection.ts';
import { resynchronizeKey } from '../src/resync/resynchronize-key.ts';
import { CREDENTIALS, SETTINGS, UNMEASURED } from './approach.ts';
import { type LambdaRecord, makeBatch, STREAM_ARN } from './batches.ts';
import { CostCount } from './cost-count.ts';
import { openTwoRegions } from './two-regions.ts';

export type Scene = Awaited<ReturnType<typeof openScene>>;

/** Makes a record of one item, newer than all records before. */
export type RecordOf = ReturnType<Scene['recordsOf']>;

const FOREVER = () => Infinity;
const NEVER = new AbortController().signal;
/** Below every record. */
const FLOOR = floorOf({ epoch: 1, labelMs: 0 });

export async function openScene() {
  const regions = await openTwoRegions({ name: SETTINGS.replication });
  const { source, replication } = regions;
  const pair = await openTablePair({
    replication,
    sides: sidesOf(replication, fixedCredentials(CREDENTIALS)),
    concurrency: 1,
    writes: false,
    projection: undefined,
  });
  const count = new CostCount((table, key) =>
    (table === SETTINGS.destinationTable ? pair.twin : pair.ledger).get(key),
  );
  const ports = {
    ...UNMEASURED,
    twinWriter: count.destination(pair.twinWriter),
    twinReader: count.reader(pair.twinReader),
    // A message is sent, received and deleted.
    lookAgain: { announce: async () => void (count.cost.queueRequests += 3) },
    clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
    random: systemRandom,
    remainingMs: FOREVER,
  };
  const openControl = async () => {
    const control = controlKeeper({ ...ports, rules: SETTINGS });
    const admission = await control.admit(new Set([STREAM_ARN]), FOREVER);
    if (admission.kind === 'held') throw new Error(admission.why);
    return { control, row: admission.row };
  };
  const { control, row } = await openControl();
  /** What redrives and re-synchronisations need. */
  const sending = {
    ...ports,
    source: count.items(pair.source),
    twin: count.items(pair.twin),
    ledger: count.items(pair.ledger),
    rules: SETTINGS,
    control: row,
    epoch: 1,
    withoutSource: false,
    health: destinationHealth(),
  };
  let first = 0;
  return {
    count,
    recordsOf: (number: number, bytes: number) => {
      const shape = { records: 1, keys: 1, bytes, itemOf: () => number };
      return (event: 'INSERT' | 'MODIFY' | 'REMOVE', { isLate = false } = {}): LambdaRecord => {
        first += 1;
        const [made] = makeBatch({
          ...shape,
          first,
          ...(isLate ? {} : { ageSeconds: 0 }),
          ...(event === 'REMOVE' ? { deleteShare: 1 } : { deleteShare: 0, event }),
        });
        return made as LambdaRecord;
      };
    },
    /** Applies a record as the function does. */
    async bring(record: LambdaRecord, changes: Partial<typeof SETTINGS> = {}): Promise<void> {
      const { counts } = await replicateBatch([record], {
        ...ports,
        rules: { ...SETTINGS, ...changes },
        control,
        limit: new ConcurrencyLimit(1),
        rejections: rejectionMemory(),
      });
      if (counts.applied !== 1) throw new Error(`not applied: ${JSON.stringify(counts)}`);
    },
    /** Puts a record back that was put aside. */
    async redrive(record: LambdaRecord): Promise<void> {
      const outcome = await redriveItem(itemOf(record, row), sending, NEVER);
      if (outcome.kind !== 'applied') throw new Error(`not applied: ${JSON.stringify(outcome)}`);
    },
    /** Writes the image of a record to the source, with another value. */
    async changeAtSource({ dynamodb: { NewImage } }: LambdaRecord): Promise<void> {
      const { table } = replication.source;
      const changed = { ...NewImage, total: { N: '76543.21' } };
      await source.client.send(new PutItemCommand({ TableName: table, Item: changed }));
    },
    /** Makes the item of a record equal to the source's. */
    async resynchronize(record: LambdaRecord): Promise<void> {
      const result = await resynchronizeKey(itemOf(record, row), sending);
      if (result.kind !== 'equal' || !result.changed) throw new Error(JSON.stringify(result));
    },
    /** Copies the image of a record as a backfill does. */
    async copy({ dynamodb: { Keys, NewImage = {} } }: LambdaRecord): Promise<void> {
      const plan = { rules: SETTINGS, floor: FLOOR };
      const input = copyRequest([toCopy(Keys, NewImage, plan)], plan);
      const { kind } = await ports.twinWriter.write({ operation: 'TransactWriteItems', input });
      if (kind !== 'written') throw new Error(`not copied: ${kind}`);
    },
    /** Reads the control row as a function does that has just been started. */
    start: openControl,
    async close(): Promise<void> {
      pair.close();
      await regions.close();
    },
  };
}

function itemOf(raw: LambdaRecord, row: ControlRow) {
  const { kind, record } = parseStreamRecord(raw, 0, seriesIn(row));
  if (kind !== 'record') throw new Error('malformed');
  const { key, keyText, version } = record;
  return { key, keyText, floor: FLOOR, version, record, streamArn: STREAM_ARN, asksSource: false };
}
