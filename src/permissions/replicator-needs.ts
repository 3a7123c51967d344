// What the replicate function needs: the stream, both tables and their ledgers, and places for what does not get through.

import type { TwoWayConfig } from '../config/schema.ts';
import { storesBatches } from '../config/stored-batches.ts';
import { firstAdoption } from './first-adoption.ts';
import {
  announceDeletes,
  type Parts,
  readHashKeys,
  readOwnCopy,
  writeRows,
} from './function-parts.ts';
import type { Needs, Statement } from './statement.ts';

export function replicatorNeeds(parts: Parts): Needs {
  const { replication, allow, keys } = parts;
  const { switching, twoWay } = replication;
  return {
    ReadStream: readStream(parts),
    WriteDestination: [
      allow('twin', ['dynamodb:PutItem', 'dynamodb:DeleteItem']),
      // In a transaction, a put asks the ledger row whether its item has been deleted since.
      ...writeRows(
        parts,
        ['dynamodb:UpdateItem'],
        twoWay?.mode === 'stamped' ? [] : ['dynamodb:ConditionCheckItem'],
      ),
      // With both directions, the other function looks at late inserts.
      allow('state', ['dynamodb:GetItem', ...(twoWay ? [] : ['dynamodb:BatchGetItem'])]),
      ...keys.ofDestination,
    ],
    ...(twoWay && { WriteSource: writeSource(parts, twoWay) }),
    // The rows of deletes distinguish own writes from stray ones.
    ...readOwnCopy(parts, ['dynamodb:GetItem', 'dynamodb:BatchGetItem']),
    ...(switching === undefined && {
      AdoptFirst: firstAdoption(replication, allow),
    }),
    SendDeadLetters: [
      allow('deadLetters', ['sqs:SendMessage']),
      ...keys.of('deadLetterQueue', 'sqs:SendMessage'),
    ],
    ...announceDeletes(parts),
    ...storeFailedBatches(parts),
    ...readHashKeys(parts),
  };
}

/** Inserts that came late are taken away. With stamps, deletes are remembered, and slow clocks corrected. */
function writeSource({ allow, keys }: Parts, { mode }: TwoWayConfig): Statement[] {
  const actions = (names: readonly string[]) => names.map((name) => `dynamodb:${name}`);
  const isStamped = mode === 'stamped';
  return [
    allow('source', actions(['DeleteItem', ...(isStamped ? STAMPING : [])])),
    allow('sourceState', actions(['BatchGetItem', ...(isStamped ? REMEMBERING : [])])),
    ...keys.ofSource,
    ...keys.ofSourceState,
  ];
}

const STAMPING = ['GetItem', 'PutItem', 'UpdateItem'];
const REMEMBERING = ['GetItem', 'UpdateItem'];

/** What Lambda requires of the reader of a stream. IAM knows no resource to which lists could be limited. */
function readStream({ replication: { source }, allow, keys }: Parts): Statement[] {
  const actions = (service: string, names: readonly string[]) =>
    names.map((name) => `${service}:${name}`);
  if (source.kinesisStreamArn === undefined)
    return [
      allow('stream', actions('dynamodb', READ_STREAM)),
      allow('anything', ['dynamodb:ListStreams']),
      ...keys.ofSource,
    ];
  return [
    allow('kinesis', actions('kinesis', [...READ_STREAM, 'DescribeStreamSummary', 'ListShards'])),
    allow('anything', ['kinesis:ListStreams']),
    ...keys.ofKinesis,
  ];
}

const READ_STREAM = ['DescribeStream', 'GetRecords', 'GetShardIterator'];

/** Without whole records, nothing is stored in the bucket. */
function storeFailedBatches({ replication, allow, keys }: Parts): Needs {
  if (replication.deadLetters === 'projected') return {};
  return {
    StoreFailedBatches: [
      ...(storesBatches(replication) ? [allow('bucket', ['s3:ListBucket'])] : []),
      // The function stores dead letters here that are too large for the queue.
      allow('objects', ['s3:PutObject']),
      ...keys.of('onFailureBucket', 's3:PutObject'),
    ],
  };
}
