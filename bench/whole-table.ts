// A table of a million small items, on disk: copied and compared by the commands, each in a process of its
// own, with the time and the memory that they took. `npm run scale -- 1000000`

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchWriteItemCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { inParallel } from '../src/pacing/in-parallel.ts';
import { ferry, type Finished } from './ferry-process.ts';
import { ORDER_KEYS, openTwoRegions } from './two-regions.ts';

const PEAK_MIB_MAX = 300;
const BATCH_ITEMS = 25;
const FILLS_AT_ONCE = 8;
// For this process; the commands see to themselves.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
const items = Number(process.argv[2] ?? 1_000_000);

const directory = mkdtempSync(join(tmpdir(), 'ferry-scale-'));
const { partitionKey } = ORDER_KEYS;
const regions = await openTwoRegions({
  name: 'scale',
  keys: { partitionKey },
  stream: false,
  directory,
});
const { client } = regions.source;
try {
  await timed(`fill the source with ${items} items`, fill);
  await turnStreamOn();
  const config = join(directory, 'ferry.json');
  writeFileSync(config, JSON.stringify(regions.configuration));
  const differences = join(directory, 'differences.jsonl');
  // Nothing is deleted meanwhile, so nothing is announced.
  const queue = ['--look-again-queue-url', 'http://127.0.0.1:9/none'];
  const copied = await reported(['backfill', '--apply', '--config', config, ...queue]);
  const settle = ['--report', differences, '--settle', '1'];
  const compared = await reported(['verify', '--config', config, ...settle]);
  const peaks = [copied, compared].map(({ peakMemoryMiB }) => Number(peakMemoryMiB));
  console.log(`peak memory: backfill ${peaks[0]} MiB, verify ${peaks[1]} MiB`);
  const fine =
    copied['copied'] === items &&
    compared['equal'] === true &&
    compared['items'] === items &&
    peaks.every((peak) => peak < PEAK_MIB_MAX);
  console.log(fine ? 'All copied, equal, and under the limit.' : 'NOT as it should be.');
  process.exitCode = fine ? 0 : 1;
} finally {
  await regions.close();
  rmSync(directory, { recursive: true, force: true });
}

/** After the items: this is about those that a stream knows nothing of. */
async function turnStreamOn(): Promise<void> {
  const StreamSpecification = { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } as const;
  await client.send(new UpdateTableCommand({ TableName: 'Orders', StreamSpecification }));
}

async function fill(): Promise<void> {
  const tasks = Array.from({ length: Math.ceil(items / BATCH_ITEMS) }, (_, batch) => async () => {
    const count = Math.min(BATCH_ITEMS, items - batch * BATCH_ITEMS);
    const requests = Array.from({ length: count }, (_item, index) => {
      const number = batch * BATCH_ITEMS + index;
      const Item = {
        pk: { S: `customer-${number}` },
        total: { N: String(number) },
        note: { S: 'a small item of a large table' },
      };
      return { PutRequest: { Item } };
    });
    await client.send(new BatchWriteItemCommand({ RequestItems: { Orders: requests } }));
  });
  await inParallel(tasks, FILLS_AT_ONCE);
}

async function reported(args: readonly string[]): Promise<Finished['report']> {
  const { report } = await timed(`ferry ${args[0]}`, () => ferry(args));
  console.log(JSON.stringify(report));
  return report;
}

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action();
  const seconds = (performance.now() - start) / 1000;
  console.log(`${what}: ${seconds.toFixed(1)} s, ${Math.round(items / seconds)} items/s`);
  return result;
}
