// What a service tells of a table, as far as a replication has to know it.

import type { KeyAttribute } from '../config/schema.ts';

export interface IndexFacts {
  readonly name: string;
  /** Partition key attributes first; a global index may have several, and several sort key attributes. */
  readonly keys: readonly KeyAttribute[];
  /** How many of `keys` make the partition key. */
  readonly partitionKeys: number;
  /** A local secondary index, which shares the table's partition key. */
  readonly local: boolean;
  /** As DynamoDB has it: ALL, KEYS_ONLY or INCLUDE. */
  readonly projection: string;
  readonly included: readonly string[];
}

export interface TableFacts {
  readonly region: string;
  readonly table: string;
  readonly arn: string;
  /** Of this one table, also where ARNs are not; some emulators have none. */
  readonly id?: string | undefined;
  readonly endpoint?: string | undefined;
  /** Regions of its replicas, where it is a global table. */
  readonly replicaRegions: readonly string[];
  /** A global table with multi-Region strong consistency: it has no transactions. */
  readonly isStronglyConsistent?: boolean | undefined;
  readonly status: string;
  /** Partition key first. */
  readonly keys: readonly KeyAttribute[];
  /** Only when it is on. */
  readonly stream?: { readonly arn: string; readonly viewType: string } | undefined;
  /** Only when it is on. */
  readonly timeToLiveAttribute?: string | undefined;
  /** A KMS key, where it is not DynamoDB's own. */
  readonly kmsKeyArn?: string | undefined;
  readonly indexes: readonly IndexFacts[];
  readonly billing: 'on-demand' | { readonly readUnits: number; readonly writeUnits: number };
  /** As of up to six hours ago. */
  readonly items: number;
  readonly sizeBytes: number;
}

/** What protects a table from loss. A text says why it is not known, without a full stop. */
export interface Protection {
  readonly pointInTimeRecovery: boolean | string;
  readonly deletionProtection: boolean | string;
}

/** The account that has the table. Those of emulators mean nothing. */
export function accountOf({ arn }: Pick<TableFacts, 'arn'>): string | undefined {
  return /^arn:[^:]+:dynamodb:[^:]*:(\d{12}):/.exec(arn)?.[1];
}
