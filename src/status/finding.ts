// A finding about a pair of tables: an error, a risk or a fact, with its meaning and what to do.

import type { KeyAttribute, ProjectionConfig, TtlDeletes, TwoWayConfig } from '../config/schema.ts';
import type { Item } from '../model/attribute-value.ts';
import type { KinesisFacts } from '../model/kinesis-facts.ts';
import type { Protection, TableFacts } from '../model/table-facts.ts';

export interface Finding {
  readonly severity: 'error' | 'warning' | 'note';
  /** Stable, for machines. */
  readonly subject: string;
  /** The fact. */
  readonly says: string;
  /** What it means, and what to do. */
  readonly advice: string;
}

export interface Pair {
  readonly source: TableFacts;
  readonly destination: TableFacts;
  /** Of the destination. @default nothing is said of it */
  readonly protection?: Protection | undefined;
  /** Some items of the source. */
  readonly sample: readonly Item[];
  readonly reservedAttribute: string;
  readonly projection?: ProjectionConfig | undefined;
  /** The key of the heartbeat item, where there is one. */
  readonly heartbeatKey?: Item | undefined;
  /** Whether either table can become the source. */
  readonly isSwitched?: boolean | undefined;
  /** Where applications write both tables. */
  readonly bothWays?: BothWays | undefined;
  readonly nowMs: number;
  /** Where the source sends its changes to a Kinesis stream: then its own stream is not read. */
  readonly kinesis?: KinesisFacts | undefined;
  /** The one to which it sends them although its own stream is read, or why that is not known. */
  readonly unreadKinesis?: { readonly streamArn: string } | { readonly why: string } | undefined;
  /** For how long the configuration says that it keeps a record. @default as it does */
  readonly configuredRetentionHours?: number | undefined;
  /** Of the Kinesis stream, in the configuration. */
  readonly configuredKinesisKey?: string | undefined;
  /** The stream that the configuration names. */
  readonly configuredStreamArn?: string | undefined;
  /** Where there is another direction: that of the destination. */
  readonly destinationStreamArn?: string | undefined;
  /** The KMS keys that the configuration names for existing tables. */
  readonly configuredKeys?: Readonly<Record<'source' | 'destination', string | undefined>>;
}

interface BothWays extends Pick<TwoWayConfig, 'mode'> {
  readonly ttlDeletes: TtlDeletes;
  /** By which the rules tell the home of an item. */
  readonly homeAttributes: readonly string[];
}

export type Check = (pair: Pair) => Finding[];

export function nameOf({ region, table }: Pick<TableFacts, 'region' | 'table'>): string {
  return `${region}/${table}`;
}

export function attributeText({ name, type }: KeyAttribute): string {
  return `"${name}" (${type})`;
}

export const error = findingOf('error');
export const warning = findingOf('warning');
export const note = findingOf('note');

function findingOf(severity: Finding['severity']) {
  return (subject: string, says: string, advice: string): Finding[] => [
    { severity, subject, says, advice },
  ];
}
