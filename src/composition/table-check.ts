// Describes the two tables of a replication, and refuses a pair that does not fit before anything is done.

import type { Credentials } from '../adapters/client-settings.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { describeTable } from '../adapters/table-facts.ts';
import { heartbeatKey, type ReplicationConfig, type TableConfig } from '../config.ts';
import { type Finding, preflight } from '../core/preflight.ts';
import type { TableFacts } from '../core/table-facts.ts';
import { classifyFailure } from '../core/write-failure.ts';
import { FerryError } from '../errors.ts';

export interface TableCheck {
  readonly credentials?: Credentials | undefined;
  /** Whether the stream matters: not to those who only compare. */
  readonly needsStream: boolean;
}

/** @throws FerryError `tables.unfit`, `table.missing` or `table.denied`. */
export async function checkTables(
  replication: ReplicationConfig,
  { credentials, needsStream }: TableCheck,
): Promise<{ source: TableFacts; destination: TableFacts }> {
  const source = await requireTable(replication.source, credentials);
  const destination = await requireTable(replication.destination, credentials);
  const findings = preflight({
    source,
    destination,
    sample: [],
    reservedAttribute: replication.reservedAttribute,
    heartbeatKey: replication.heartbeat && heartbeatKey(replication.heartbeat),
    nowMs: systemClock.now(),
    configuredStreamArn: replication.source.streamArn,
  });
  refuseOnErrors(
    findings.filter(({ subject }) => needsStream || !STREAM_SUBJECTS.includes(subject)),
  );
  return { source, destination };
}

/** What only concerns a replication that runs. */
const STREAM_SUBJECTS = ['stream', 'stream-view', 'other-stream', 'heartbeat-key'];

/** @throws FerryError `tables.unfit`, with every error and what to do about it. */
function refuseOnErrors(findings: readonly Finding[]): void {
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw new FerryError(errors.map(({ says, advice }) => `${says} ${advice}`).join('\n'), {
    code: 'tables.unfit',
    hint: 'Nothing was written.',
  });
}

/** @throws FerryError `table.missing` or `table.denied`, or what the network throws. */
export async function requireTable(
  { table, ...settings }: TableConfig,
  credentials?: Credentials,
): Promise<TableFacts> {
  const facts = await explainDenial(table, settings.region, () =>
    describeTable({ ...settings, credentials }, table),
  );
  if (facts !== undefined) return facts;
  throw new FerryError(`There is no table ${table} in ${settings.region}.`, {
    code: 'table.missing',
    hint: 'Check name, Region and credentials. `ferry init … --create-destination` prints a twin for a source.',
  });
}

/** Other denials are of the credentials themselves: none, expired, of another account. */
const PERMISSION_DENIED = ['AccessDenied', 'AccessDeniedException', 'NotAuthorized'];

async function explainDenial<T>(
  table: string,
  region: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const { kind, name, message } = classifyFailure(cause);
    if (kind !== 'denied') throw cause;
    if (!PERMISSION_DENIED.includes(name)) {
      throw new FerryError(`No usable credentials for ${region}/${table}: ${name}: ${message}`, {
        code: 'table.denied',
        hint: 'Log in, or name a profile in AWS_PROFILE, and run it again.',
        cause,
      });
    }
    throw new FerryError(`Not allowed to describe ${region}/${table}: ${name}: ${message}.`, {
      code: 'table.denied',
      hint: 'These credentials need dynamodb:DescribeTable and dynamodb:DescribeTimeToLive on it.',
      cause,
    });
  }
}
