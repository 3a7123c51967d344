// Describes the two tables of a replication, and refuses a pair that does not fit before anything is done.

import type { Access, Sides } from '../aws/access.ts';
import { describeKinesis } from '../aws/kinesis-facts.ts';
import { systemClock } from '../aws/system-clock.ts';
import { describeTable } from '../aws/table-facts.ts';
import { heartbeatItemKey } from '../config/heartbeat-key.ts';
import type { ReplicationConfig, TableConfig } from '../config/schema.ts';
import type { TableRole } from '../failures/failure-rule.ts';
import { missingTable, type NamedTable } from '../failures/missing-resource.ts';
import { type Finding, type Pair, preflight } from '../status/preflight.ts';
import type { TableFacts } from '../model/table-facts.ts';
import { FerryError } from '../errors.ts';

export interface TableCheck {
  readonly sides: Sides;
  /** Whether the stream matters: not to those who only compare. */
  readonly needsStream: boolean;
}

export interface CheckedTables {
  readonly source: TableFacts;
  readonly destination: TableFacts;
  /** Errors first. */
  readonly findings: readonly Finding[];
}

/** @throws FerryError `tables.unfit` or `table.missing`, or what the service or the network throws. */
export async function checkTables(
  replication: ReplicationConfig,
  { sides, needsStream }: TableCheck,
): Promise<CheckedTables> {
  const checked = await lookAtTables(replication, sides, needsStream);
  refuseOnErrors(
    checked.findings.filter(({ subject }) => needsStream || !STREAM_SUBJECTS.includes(subject)),
  );
  return checked;
}

/**
 * @param needsStream whether a Kinesis stream is looked at, too.
 * @returns also errors.
 * @throws FerryError `table.missing`, or what the service or the network throws.
 */
export async function lookAtTables(
  replication: ReplicationConfig,
  sides: Sides,
  needsStream = true,
): Promise<CheckedTables> {
  const source = await requireTable(sides.source, replication.source.table, 'source');
  const destination = await requireTable(
    sides.destination,
    replication.destination.table,
    'destination',
  );
  const { kinesisStreamArn, table } = replication.source;
  const kinesis =
    kinesisStreamArn !== undefined && needsStream
      ? await describeKinesis(sides.source, { table, kinesisStreamArn })
      : undefined;
  const findings = preflight({
    source,
    destination,
    sample: [],
    reservedAttribute: replication.reservedAttribute,
    projection: replication.projection,
    heartbeatKey: replication.heartbeat && heartbeatItemKey(replication.heartbeat),
    isSwitched: replication.switching !== undefined,
    bothWays: bothWaysOf(replication),
    nowMs: systemClock.now(),
    kinesis,
    configuredRetentionHours: replication.source.kinesisRetentionHours,
    configuredKinesisKey: replication.source.kinesisKmsKeyArn,
    configuredStreamArn: replication.source.streamArn,
    destinationStreamArn: (replication.switching ?? replication.twoWay)?.streamArn,
    configuredKeys: {
      source: namedKey(replication.source),
      destination: namedKey(replication.destination),
    },
  });
  return { source, destination, findings };
}

function bothWaysOf({ twoWay, ttlDeletes }: ReplicationConfig): Pair['bothWays'] {
  if (twoWay === undefined) return undefined;
  const homeAttributes = (twoWay.home?.rules ?? []).map(({ attribute }) => attribute);
  return { mode: twoWay.mode, ttlDeletes, homeAttributes };
}

/** A table that the app creates changes its key with the next deployment. */
function namedKey({ create, kmsKeyArn }: TableConfig): string | undefined {
  return create ? undefined : kmsKeyArn;
}

/** What only concerns a replication that runs. */
const STREAM_SUBJECTS = [
  'stream',
  'stream-view',
  'projection-stream',
  'switching-stream',
  'both-streams',
  'home-key',
  'other-stream',
  'other-key',
  'heartbeat-key',
  'kinesis',
  'kinesis-precision',
  'kinesis-retention',
  'kinesis-key',
  'strong-destination',
];

/** @throws FerryError `tables.unfit`, with every error and what to do about it. */
function refuseOnErrors(findings: readonly Finding[]): void {
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw new FerryError(errors.map(({ says, advice }) => `${says} ${advice}`).join('\n'), {
    code: 'tables.unfit',
    hint: 'Nothing was written.',
  });
}

/** @throws FerryError `table.missing`, or what the service or the network throws. */
export async function requireTable(
  access: Access,
  table: string,
  role: TableRole,
): Promise<TableFacts> {
  const facts = await describeTable(access, table);
  if (facts !== undefined) return facts;
  throw tableMissing({ table, region: access.region, role });
}

export function tableMissing(table: NamedTable): FerryError {
  const { happened, advice } = missingTable(table);
  return new FerryError(happened, { code: 'table.missing', hint: advice });
}
