// What an estimate is made of, and what is assumed where nothing is known.

import type { ReplicationConfig } from '../config/schema.ts';
import { writeUnits } from '../model/capacity.ts';
import { GB, type Workload, type Writes, writesOf } from './workload.ts';

export interface Setting {
  readonly replication: ReplicationConfig;
  readonly workload: Workload;
  /** In milliseconds, from Region to Region. */
  readonly roundTripMs: number;
  /** Of the stream. @default as many as a table of this size has partitions */
  readonly shards?: number | undefined;
  /** A process of `ferry run`, instead of functions. */
  readonly byProcess: boolean;
}

/** Everything that lines are made of. */
export interface Facts extends Setting {
  readonly writes: Writes;
  readonly shardCount: number;
}

/** Lambda and `ferry run` ask each shard for records so often. */
export const POLLS_PER_SECOND = 4;
/** What a table can have in one partition, and how many a new on-demand table has. */
const PARTITION_GB = 10;
const PARTITION_UNITS = 1_000;
const PARTITIONS_MIN = 4;

/** Processor time of a record, at a round trip of 70 ms: test/cost/measured.test.ts compares it with the bench. */
export const RECORD_CPU_MS = 0.074;
/** The same of an invocation, beside its records. */
export const INVOCATION_CPU_MS = 2;
/** Lambda gives a function a whole processor at so much memory. One is all that Ferry uses. */
const PROCESSOR_MIB = 1_769;

/** Bytes of a signed request beside the item, its encryption and the names of attributes included; and of a response. */
export const REQUEST_BYTES = 3_000;
export const RESPONSE_BYTES = 300;
/** DynamoDB adds so much to each item that it stores. */
export const ITEM_OVERHEAD_BYTES = 100;
/** Of a tombstone, with that. */
export const TOMBSTONE_BYTES = 350;
/** What an invocation logs: its metrics, and the lines of Lambda. */
export const LOG_BYTES = 2_200;
/** The same of the look-again function, which has one metric. */
export const LOOK_AGAIN_LOG_BYTES = 1_050;
/** CloudWatch stores logs compressed to so much of their size. */
export const LOG_COMPRESSION = 0.15;
/** Five pollers ask the look-again queue, each for 20 s at a time. */
export const QUEUE_POLLS_PER_SECOND = 5 / 20;
/** A process renews its lease so often. */
export const LEASE_SECONDS = 3;
/** A service asks KMS once in five minutes; a key is for about four resources. */
export const KEY_REQUESTS_PER_SECOND = 4 / 300;

export function factsOf(setting: Setting): Facts {
  const { workload, shards, byProcess } = setting;
  const byRate = (workload.writesPerSecond * writeUnits(workload.itemBytes)) / PARTITION_UNITS;
  const bySize = (workload.items * workload.itemBytes) / GB / PARTITION_GB;
  const shardCount = shards ?? Math.max(PARTITIONS_MIN, Math.ceil(byRate), Math.ceil(bySize));
  // `ferry run` writes in no other way.
  const own = byProcess ? { tombstones: 'strict' as const } : {};
  const replication = { ...setting.replication, ...own };
  return { ...setting, replication, writes: writesOf(workload), shardCount };
}

/** Processor time in a function with so much memory, as it passes. */
export function elapsedMs(cpuMs: number, memoryMiB: number): number {
  return cpuMs / Math.min(1, memoryMiB / PROCESSOR_MIB);
}
