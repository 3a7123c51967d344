// Both tables of a replication and Ferry's state table, opened for long work: described, found fit, and
// ready to be read and written.

import type { Sides } from '../aws/access.ts';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import {
  dynamoDbTwinWriter,
  dynamoDbTwinReader,
  dynamoDbTransactions,
  writeClient,
} from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { configuredSourceArn } from '../config/change-source.ts';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { streamLabelMs } from '../model/guard.ts';
import type { Projection } from '../model/projection.ts';
import type { StreamRules, WriteRules } from '../model/rules.ts';
import { FerryError } from '../errors.ts';
import { projectedTable } from '../projection/projected-table.ts';
import type { TwinReader, TwinWriter, ReadableTable, TransactionWriter } from '../ports.ts';
import type { CommandLease } from './command-lease.ts';
import { type CheckedTables, checkTables, requireTable } from './table-check.ts';
import { withoutMarkers } from './without-markers.ts';
import { twoWayRules } from './two-way.ts';
import { heartbeatKeyText, writeRules } from './write-rules.ts';

export interface TablePairSetup {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  /** Requests to the destination at the same time. */
  readonly concurrency: number;
  /** Whether anything is going to be written: then Ferry's state table and the stream must be there. */
  readonly writes: boolean;
  /** Of the replication; undefined without one. */
  readonly projection: Projection | undefined;
  /** Of a replication that can be switched. */
  readonly lease?: CommandLease | undefined;
}

/** What writes to the twin obey, and, where both tables are written, what tells whose an item is. */
export type PairRules = WriteRules & Pick<StreamRules, 'heartbeatKeyText' | 'twoWay'>;

export interface TablePair {
  readonly facts: CheckedTables;
  readonly rules: PairRules;
  /** As the projection makes it. */
  readonly source: ReadableTable;
  readonly twin: ReadableTable;
  readonly ledger: ReadableTable;
  /** Twin and state table as the function reads them. */
  readonly twinReader: TwinReader;
  readonly twinWriter: TwinWriter;
  readonly transactions: TransactionWriter;
  readonly lease?: CommandLease | undefined;
  close(): void;
}

/** @throws FerryError where the tables are not fit for each other, before anything is written. */
export async function openTablePair(setup: TablePairSetup): Promise<TablePair> {
  const { replication, sides, concurrency, writes, projection, lease } = setup;
  const { source, destination, stateTable } = replication;
  const facts = await checkTables(replication, { sides, needsStream: writes });
  if (writes) await requireStateTable(setup);

  const writer = namingFailures(writeClient({ ...sides.destination, concurrency }));
  const sourceReads = readClient(sides.source);
  const destinationReads = readClient(sides.destination);
  const keyAttributes = facts.source.keys.map(({ name }) => name);
  const rules = pairRules(replication, projection);
  const readable = replication.switching === undefined ? asItIs : withoutMarkers;
  const items = dynamoDbReader(sourceReads, { table: source.table, keyAttributes });
  return {
    facts,
    rules,
    source: readable(projectedTable(items, rules)),
    twin: readable(dynamoDbReader(destinationReads, { table: destination.table, keyAttributes })),
    ledger: dynamoDbReader(destinationReads, {
      table: stateTable,
      keyAttributes: [LEDGER_ATTRIBUTES.id],
    }),
    twinReader: dynamoDbTwinReader(writer),
    twinWriter: dynamoDbTwinWriter(writer),
    transactions: dynamoDbTransactions(writer),
    lease,
    close() {
      for (const client of [writer, sourceReads, destinationReads]) client.destroy();
    },
  };
}

function pairRules(replication: ReplicationConfig, projection: Projection | undefined): PairRules {
  return {
    ...writeRules(replication),
    projection,
    heartbeatKeyText: heartbeatKeyText(replication),
    twoWay: twoWayRules(replication),
  };
}

function asItIs(table: ReadableTable): ReadableTable {
  return table;
}

/** Which attribute of an item makes DynamoDB remove it, on each side. */
export function timeToLiveOf({ facts: { source, destination } }: Pick<TablePair, 'facts'>) {
  return {
    source: source.timeToLiveAttribute,
    destination: destination.timeToLiveAttribute,
  };
}

/**
 * What the control row lists: the Kinesis stream of the source, or the table's own stream as it is now.
 * @throws FerryError `tables.unfit` where it has no label.
 */
export function sourceArnOf(
  { source }: Pick<ReplicationConfig, 'source'>,
  { facts }: Pick<TablePair, 'facts'>,
): string {
  const arn = configuredSourceArn(source, facts.source.stream?.arn ?? '');
  if (streamLabelMs(arn) !== undefined) return arn;
  throw new FerryError(`The stream "${arn}" does not tell when it was made.`, {
    code: 'tables.unfit',
    hint: 'Ferry reads DynamoDB streams, whose ARN ends with their time.',
  });
}

async function requireStateTable({ replication, sides }: TablePairSetup): Promise<void> {
  const { stateTable, destination } = replication;
  const facts = await requireTable(sides.destination, stateTable, 'state');
  const keys = facts.keys.map(({ name, type }) => `${name} (${type})`).join(', ');
  if (keys === `${LEDGER_ATTRIBUTES.id} (S)`) return;
  throw new FerryError(
    `The table ${stateTable} in ${destination.region} is not Ferry's state table: its key is ${keys}.`,
    { code: 'tables.unfit', hint: 'Correct "stateTable" in the configuration.' },
  );
}
