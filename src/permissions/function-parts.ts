// What the needs of functions are made of: statements about places and keys, and those that several functions share.

import type { ReplicationConfig } from '../config/schema.ts';
import { allowing, type Arns } from './arns.ts';
import { readHashSecrets } from './hash-secrets.ts';
import { usingKeys } from './key-use.ts';
import type { Needs, Statement } from './statement.ts';

export interface Parts {
  readonly replication: ReplicationConfig;
  readonly allow: ReturnType<typeof allowing>;
  readonly keys: ReturnType<typeof usingKeys>;
  /** Of the keys of hashes. */
  readonly hashSecrets: readonly Statement[];
}

export function partsOf(replication: ReplicationConfig, arns: Arns): Parts {
  return {
    replication,
    allow: allowing(arns),
    keys: usingKeys(replication, arns),
    hashSecrets: readHashSecrets(replication, arns),
  };
}

/** In the state table. With "switching", only operators and switches write the control row. */
export function writeRows(
  { replication: { name, switching }, allow }: Parts,
  writes: readonly string[],
  more: readonly string[],
): Statement[] {
  if (switching === undefined) return [allow('state', [...writes, ...more])];
  const otherRows = {
    'ForAllValues:StringNotEquals': { 'dynamodb:LeadingKeys': [`${name}#control`] },
  };
  return [allow('state', writes, otherRows), allow('state', more)];
}

/** Of the control row, in the ledger beside the source. */
export function readOwnCopy(
  { replication, allow, keys }: Parts,
  actions: readonly string[] = ['dynamodb:GetItem'],
): Needs {
  if (replication.switching === undefined) return {};
  return { ReadOwnCopy: [allow('sourceState', actions), ...keys.ofSourceState] };
}

/** Of what opens the projection. */
export function readHashKeys({ hashSecrets }: Parts): Needs {
  return hashSecrets.length === 0 ? {} : { ReadHashKeys: hashSecrets };
}

/** With "checked" tombstones, also of whatever else deletes items under the guard. */
export function announceDeletes({ replication, allow, keys }: Parts): Needs {
  if (replication.tombstones !== 'checked') return {};
  return {
    AnnounceDeletes: [
      allow('lookAgain', ['sqs:SendMessage']),
      ...keys.of('lookAgainQueue', 'sqs:SendMessage'),
    ],
  };
}
