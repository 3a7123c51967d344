// Ways to bring a batch to a destination: ours, those that people write themselves, and the limit.

import { dynamoDbTwinWriter, dynamoDbTwinReader, writeClient } from '../src/aws/dynamodb-table.ts';
import { signedRequests } from '../src/aws/signed/signed-requests.ts';
import { signedTwinWriter, signedTwinReader } from '../src/aws/signed/signed-table.ts';
import { systemClock, systemRandom } from '../src/aws/system-clock.ts';
import { REQUEST_TIMEOUT_MS } from '../src/config/names.ts';
import { ConcurrencyLimit } from '../src/replicate/concurrency-limit.ts';
import { seriesIn } from '../src/model/control-row.ts';
import type { HandlerSettings } from '../src/config/handler-settings.ts';
import type { ControlKeeper } from '../src/replicate/control-keeper.ts';
import { rejectionMemory } from '../src/replicate/systemic-rejection.ts';
import { replicateBatch, type ReplicationContext } from '../src/replicate/replicate-batch.ts';
import { type Approach, CONTROL_ROW, CREDENTIALS, SETTINGS } from './approach.ts';
import { leanestWith } from './leanest.ts';
import { batchWrites, fanOut, serial } from './peers.ts';

type Destination = Pick<ReplicationContext, 'twinWriter' | 'twinReader'>;

function overSignedRequests(endpoint: string, concurrency: number): Destination {
  const requests = signedRequests({
    region: 'eu-west-1',
    endpoint,
    credentials: () => CREDENTIALS,
    concurrency,
    timeoutMs: REQUEST_TIMEOUT_MS,
    clock: systemClock,
  });
  return { twinWriter: signedTwinWriter(requests), twinReader: signedTwinReader(requests) };
}

function overSdk(endpoint: string, concurrency: number): Destination {
  const options = { region: 'eu-west-1', endpoint, credentials: CREDENTIALS, concurrency };
  const client = writeClient(options);
  return { twinWriter: dynamoDbTwinWriter(client), twinReader: dynamoDbTwinReader(client) };
}

/** As it is between two reads of the control row. */
const CONTROL: ControlKeeper = {
  admit: () =>
    Promise.resolve({ kind: 'admitted', row: CONTROL_ROW, seriesOf: seriesIn(CONTROL_ROW) }),
};

/** The shipping operation over one carrier. */
const ferry =
  (open: typeof overSdk, changes: Partial<HandlerSettings> = {}): Approach =>
  (endpoint) => {
    const settings = { ...SETTINGS, ...changes };
    const { concurrency } = settings;
    const limit = new ConcurrencyLimit(concurrency);
    const context = {
      rules: settings,
      ...open(endpoint, concurrency),
      limit,
      control: CONTROL,
      rejections: rejectionMemory(),
      lookAgain: { announce: () => Promise.resolve() },
    };
    return async (records) => {
      const { counts } = await replicateBatch(records, {
        ...context,
        deadLetters: { send: () => Promise.reject(new Error('nothing should be put aside')) },
        metrics: { publish: () => undefined },
        clock: systemClock,
        random: systemRandom,
        remainingMs: () => Infinity,
        log: () => undefined,
      });
      const done = counts.applied + counts.coalesced;
      if (done !== records.length) throw new Error(`of ${records.length}, only ${done} were done`);
    };
  };

const neverCoalescing: Approach = (endpoint) => {
  const bring = ferry(overSignedRequests)(endpoint);
  return async (records) => {
    for (const batch of withoutRepetitions(records)) await bring(batch);
  };
};

/** The same records in as many batches as the busiest item has records: nothing can be left out. */
function withoutRepetitions(records: readonly unknown[]): unknown[][] {
  const batches: unknown[][] = [];
  const seen = new Map<string, number>();
  for (const record of records) {
    const { Keys } = (record as { dynamodb: { Keys: object } }).dynamodb;
    const key = JSON.stringify(Keys);
    const turn = seen.get(key) ?? 0;
    seen.set(key, turn + 1);
    (batches[turn] ??= []).push(record);
  }
  return batches;
}

export const APPROACHES = {
  ferry: ferry(overSignedRequests),
  'ferry, 256 MiB': ferry(overSignedRequests, { concurrency: 256 }),
  'ferry, strict': ferry(overSignedRequests, { tombstones: 'strict' }),
  'ferry over the SDK': ferry(overSdk),
  'ferry, never coalescing': neverCoalescing,
  'stock SDK, one after the other': serial,
  'stock SDK, all at once': fanOut,
  'stock SDK, batch writes, no conditions': batchWrites,
  leanest: leanestWith(SETTINGS.concurrency),
} as const satisfies Record<string, Approach>;

export type ApproachName = keyof typeof APPROACHES;
