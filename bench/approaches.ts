// Ways to bring a batch to a destination: ours, those that people write themselves, and the limit.

import { openReplicator } from '../src/composition/replicator.ts';
import type { Deployment } from '../src/config/schema.ts';
import { controlKeeper } from '../src/replicate/control-keeper.ts';
import { replicateBatch, type ReplicationContext } from '../src/replicate/replicate-batch.ts';
import { type Approach, type Changes, deploymentAt, SETTINGS, UNMEASURED } from './approach.ts';
import { type LambdaRecord, STREAM_ARN } from './batches.ts';
import { leanestWith } from './leanest.ts';
import { batchWrites, fanOut, serial } from './peers.ts';

async function open(deployment: Deployment): Promise<ReplicationContext> {
  const replicator = await openReplicator(deployment, process.env);
  const context = { ...replicator, ...UNMEASURED, remainingMs: () => Infinity };
  // The shipped one logs to stdout, where the figures go. That of switching says nothing while all is well.
  return deployment.replication.switching === undefined
    ? { ...context, control: controlKeeper(context) }
    : context;
}

/** What ships, with changed settings. */
const ferryWith =
  (changes: Changes): Approach =>
  (endpoint) => {
    const opening = open(deploymentAt(endpoint, changes));
    return async (records) => {
      const { counts } = await replicateBatch(records, await opening);
      const done = counts.applied + counts.coalesced + counts.own;
      if (done !== records.length) throw new Error(`of ${records.length}, only ${done} were done`);
    };
  };
const ferry = ferryWith({});

const BOTH = {
  direction: 'both',
  twoWay: { mode: 'stamped', streamArn: STREAM_ARN.replace('us-east-1', 'eu-west-1') },
} as const;
/** Of the items of a batch, all have the same one. */
const homesIn = (otherwise: string) =>
  ferryWith({
    ...BOTH,
    twoWay: { ...BOTH.twoWay, mode: 'home', home: { rules: HOMES, otherwise } },
  });
const HOMES = [{ attribute: 'pk', prefix: 'no-customer-', region: 'eu-west-1' }];

const neverCoalescing: Approach = (endpoint) => {
  const bring = ferry(endpoint);
  return async (records) => {
    for (const batch of withoutRepetitions(records)) await bring(batch);
  };
};

/** The same records in as many batches as the busiest item has records: nothing can be left out. */
function withoutRepetitions(records: readonly LambdaRecord[]): LambdaRecord[][] {
  const batches: LambdaRecord[][] = [];
  const seen = new Map<string, number>();
  for (const record of records) {
    const key = JSON.stringify(record.dynamodb.Keys);
    const turn = seen.get(key) ?? 0;
    seen.set(key, turn + 1);
    (batches[turn] ??= []).push(record);
  }
  return batches;
}

export const APPROACHES = {
  ferry,
  'ferry, 256 MiB': ferryWith({ function: { memoryMiB: 256 } }),
  'ferry, strict': ferryWith({ tombstones: 'strict' }),
  'ferry, drop and rename': ferryWith({
    projection: { attributes: { drop: ['tags'], rename: { total: 'amount' } } },
  }),
  'ferry, keepItems': ferryWith({
    projection: { keepItems: { attribute: 'paid', equals: { BOOL: true } } },
  }),
  'ferry, a module': ferryWith({ projection: { module: '/projection.mjs' } }),
  'ferry, switching': ferryWith({
    switching: { streamArn: STREAM_ARN.replace('us-east-1', 'eu-west-1') },
  }),
  'ferry, home here': homesIn('us-east-1'),
  'ferry, home there': homesIn('eu-west-1'),
  'ferry, stamped': ferryWith(BOTH),
  'ferry over the SDK': ferryWith({ function: { httpClient: 'sdk' } }),
  'ferry, never coalescing': neverCoalescing,
  'stock SDK, one after the other': serial,
  'stock SDK, all at once': fanOut,
  'stock SDK, batch writes, no conditions': batchWrites,
  leanest: leanestWith(SETTINGS.concurrency),
} as const satisfies Record<string, Approach>;

export type ApproachName = keyof typeof APPROACHES;
