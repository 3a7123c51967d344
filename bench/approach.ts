// What an approach is, and the replication that all of them measure.

import { readFileSync } from 'node:fs';
import { parseConfig } from '../src/config/config.ts';
import { handlerSettings } from '../src/config/handler-settings.ts';
import type { Deployment, ReplicationConfig } from '../src/config/schema.ts';
import { firstRow } from '../src/model/control-row.ts';
import { digestOfModule, digestOfRules } from '../src/projection/digest.ts';
import type { Replicator } from '../src/replicate/replicate-batch.ts';
import { type LambdaRecord, STREAM_ARN } from './batches.ts';

/** Brings one batch; tells how many records of it, where it does not do all. */
export type Approach = (
  endpoint: string,
) => (records: readonly LambdaRecord[]) => Promise<number | void>;

export const CREDENTIALS = {
  accessKeyId: 'AKIDBENCH',
  secretAccessKey: 'secret',
  // As long as Lambda's.
  sessionToken: 't'.repeat(857),
};

/** Of processes that are measured. */
export const ENVIRONMENT = {
  ...process.env,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_SESSION_TOKEN: CREDENTIALS.sessionToken,
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

export interface Changes {
  readonly tombstones?: ReplicationConfig['tombstones'];
  readonly projection?: ReplicationConfig['projection'];
  readonly switching?: Partial<ReplicationConfig['switching']>;
  readonly direction?: ReplicationConfig['direction'];
  readonly twoWay?: Partial<ReplicationConfig['twoWay']>;
  readonly function?: Partial<ReplicationConfig['function']>;
}

/** Of a function with one core, which has 1,769 MiB. */
export function deploymentAt(endpoint: string, changes: Changes = {}): Deployment {
  const configured = {
    name: 'orders',
    source: {
      region: 'us-east-1',
      table: 'Orders',
      streamArn: STREAM_ARN,
      // Its state table is read, too.
      ...((changes.switching ?? changes.twoWay) && { endpoint }),
    },
    destination: { region: 'eu-west-1', table: 'Orders', endpoint },
    ...changes,
    function: { memoryMiB: 1_769, concurrency: 800, ...changes.function },
  };
  const { replications } = parseConfig({ replications: [configured] });
  const { projection } = changes;
  return {
    replication: replications[0] as ReplicationConfig,
    ...(projection && { projectionDigest: digestOf(projection) }),
    streamArn: STREAM_ARN,
    deadLetterQueueUrl: 'http://127.0.0.1:9/none',
    onFailureBucket: 'none',
    lookAgainQueueUrl: 'http://127.0.0.1:9/look-again',
  };
}

/** Of the rules, or of the module that is beside the bundle of the benchmark. */
function digestOf(projection: NonNullable<Changes['projection']>): string {
  if (projection.module === undefined) return digestOfRules(projection);
  return digestOfModule(readFileSync(new URL('./projection.mjs', import.meta.url)));
}

const { replication, ...places } = deploymentAt('http://127.0.0.1:9');
export const SETTINGS = handlerSettings(replication, places);

/** Knows the stream of every batch. */
export const CONTROL_ROW = firstRow({
  region: SETTINGS.sourceRegion,
  streamArn: STREAM_ARN,
  reserved: SETTINGS.reservedAttribute,
  destinationId: 'twin',
  ledgerId: 'state',
  tag: 'bench',
  nowMs: 0,
});

/** What a replicator has besides, and is not measured. */
export const UNMEASURED: Pick<Replicator, 'deadLetters' | 'lookAgain' | 'metrics' | 'log'> = {
  deadLetters: { send: () => Promise.reject(new Error('nothing should be put aside')) },
  lookAgain: { announce: () => Promise.resolve() },
  metrics: { publish: () => undefined },
  log: () => undefined,
};
