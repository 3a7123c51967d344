// Where changes of a table are read, as the control row lists it and as records name it: the ARN of the table's stream,
// or that of a Kinesis stream with the name of the table, since several tables may send their changes there.

import { TOMBSTONE_LIFE_SECONDS } from './names.ts';
import type { SourceConfig } from './schema.ts';

const TABLE_PART = '/table/';
const KINESIS_SOURCE = /^(arn:[^:]+:kinesis:[^/]+\/[^/]+)\/table\/(.+)$/;

/** Such as …:kinesis:us-east-1:111122223333:stream/order-changes/table/Orders. */
export function kinesisSourceArn(kinesisStreamArn: string, table: string): string {
  return `${kinesisStreamArn}${TABLE_PART}${table}`;
}

/** @returns undefined of a table's own stream. */
export function kinesisSourceOf(
  sourceArn: string,
): { readonly kinesisStreamArn: string; readonly table: string } | undefined {
  const [, kinesisStreamArn, table] = KINESIS_SOURCE.exec(sourceArn) ?? [];
  return kinesisStreamArn === undefined || table === undefined
    ? undefined
    : { kinesisStreamArn, table };
}

/** @param streamArn of the table, which counts unless the configuration names a Kinesis stream. */
export function configuredSourceArn<T extends string | undefined>(
  { kinesisStreamArn, table }: Pick<SourceConfig, 'kinesisStreamArn' | 'table'>,
  streamArn: T,
): T | string {
  return kinesisStreamArn === undefined ? streamArn : kinesisSourceArn(kinesisStreamArn, table);
}

/** `any-order`: a change may arrive after a later one of its item, and more than once. */
type Arrival = 'in-order' | 'any-order';

export interface ArrivalRules {
  readonly arrival: Arrival;
  /** Of a delete: longer than any older change of its item can still arrive. */
  readonly tombstoneLifeSeconds: number;
}

const HOUR_SECONDS = 3_600;

export function arrivalRules({
  kinesisStreamArn,
  kinesisRetentionHours = 0,
}: SourceConfig): ArrivalRules {
  const retainedSeconds = (kinesisRetentionHours + 24) * HOUR_SECONDS;
  return {
    arrival: kinesisStreamArn === undefined ? 'in-order' : 'any-order',
    tombstoneLifeSeconds: Math.max(TOMBSTONE_LIFE_SECONDS, retainedSeconds),
  };
}
