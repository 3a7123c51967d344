// The scratch replication of a rehearsal on AWS: the settings of the chosen one with new names and new tables, and
// without what would reach anything that the chosen one uses.

import { isOtherPartition } from '../config/accounts.ts';
import { parseConfig } from '../config/config.ts';
import { directionsOf } from '../config/directions.ts';
import { destinationStack, sourceStack } from '../config/names.ts';
import type { ReplicationConfig, SwitchingConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import type { Random } from '../ports.ts';

const PREFIX = 'rehearsal-';
/** What the name of each resource of each rehearsal begins with. */
export const SCRATCH_PREFIX = `ferry-${PREFIX}`;
/** With more, CloudFormation could cut the name off in that of a bucket. */
const LETTERS = 4;
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

export function scratchName(random: Random): string {
  const letter = () => ALPHABET[Math.floor(random.next() * ALPHABET.length)];
  return PREFIX + Array.from({ length: LETTERS }, letter).join('');
}

/** The rehearsal that a resource is of; undefined where it is of none. */
export function rehearsalOf(resource: string): string | undefined {
  return /^(?:ferry-|\/ferry\/)(rehearsal-[a-z0-9]{4})(?![a-z0-9])/.exec(resource)?.[1];
}

export const SCRATCH_TABLES = {
  source: (name: string) => `ferry-${name}`,
  destination: (name: string) => `ferry-${name}-twin`,
} as const;

export const SCRATCH_KEY = { name: 'pk', type: 'S' } as const;

/**
 * Without a projection, because the items of a rehearsal are not those of the application. The alarms notify a topic
 * without subscribers.
 * @throws UsageError `rehearsal.partition` or `rehearsal.both`
 */
export function scratchOf(chosen: ReplicationConfig, name: string): ReplicationConfig {
  requireOneSource(chosen);
  if (isOtherPartition(chosen)) throw otherPartition(chosen);
  const { source, destination, switching, heartbeat, alarms, eventSource } = chosen;
  const {
    projection: _,
    reconcile: __,
    stateTable: ___,
    timestampAttribute: ____,
    ...kept
  } = chosen;
  const { latencySeconds, runbook } = alarms;
  const { maxRecordAgeSeconds: _____, ...reading } = eventSource;
  const entry = {
    ...kept,
    name,
    source: {
      ...scratchSide(source, SCRATCH_TABLES.source(name)),
      ...given({ endpoints: source.endpoints }),
    },
    destination: scratchSide(destination, SCRATCH_TABLES.destination(name)),
    deadLetters: 'whole',
    bulk: false,
    dashboard: false,
    operatorRole: false,
    alarms: { latencySeconds, runbook },
    eventSource: { ...reading, enabled: true },
    ...(heartbeat && { heartbeat: { key: { [SCRATCH_KEY.name]: 'ferry-heartbeat' } } }),
    ...(switching && { switching: scratchSwitching(switching) }),
  };
  const [scratch] = parseConfig({ replications: [entry] }, 'The scratch replication').replications;
  return scratch as ReplicationConfig;
}

/** Of an earlier rehearsal of any replication between both Regions: with all that one can have. */
export function anyScratchOf(chosen: ReplicationConfig, name: string): ReplicationConfig {
  const { source, destination, switching } = chosen;
  const { twoWay, ...kept } = chosen;
  const oneWay = { ...kept, direction: 'one-way', tombstones: 'checked' } as const;
  const scratch = scratchOf(twoWay === undefined ? chosen : oneWay, name);
  if (switching !== undefined || source.region === destination.region) return scratch;
  const whole = { ...scratch, unversionedItems: 'replace', ttlDeletes: 'replicate', switching: {} };
  const { encryption: _, ...entry } = whole;
  return parseConfig({ replications: [entry] }).replications[0] as ReplicationConfig;
}

type Table = Pick<
  ReplicationConfig['source'],
  'account' | 'endpoint' | 'kmsKeyArn' | 'profile' | 'region'
>;

function scratchSide({ region, account, profile, endpoint, kmsKeyArn }: Table, table: string) {
  const more = given({ account, profile, endpoint, kmsKeyArn });
  return { region, table, create: true, partitionKey: SCRATCH_KEY, ...more };
}

/** The tally is a table of the applications. */
function scratchSwitching({ fence, markers, operatorRoles, endpoints }: SwitchingConfig): object {
  return { fence, markers, operatorRoles, ...given({ endpoints }) };
}

function given(settings: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

export interface ScratchStack {
  readonly name: string;
  readonly region: string;
  /** By which it is deployed. */
  readonly profile: string | undefined;
}

/**
 * Of each direction, in the order in which they can be deployed one by one. The stack that switches all tables of a
 * Region is not among them: a rehearsal switches as `ferry failover` does.
 */
export function scratchStacks(scratch: ReplicationConfig): ScratchStack[] {
  const directions = directionsOf(scratch);
  const at = ({ region, profile }: Table, name: string) => ({ name, region, profile });
  return [
    ...directions.map(({ name, destination }) => at(destination, destinationStack(name))),
    ...directions.map(({ name, source }) => at(source, sourceStack(name))),
  ];
}

/** @throws UsageError `rehearsal.both`: a rehearsal writes on one side, and compares the other one with it. */
export function requireOneSource({ name, twoWay }: ReplicationConfig): void {
  if (twoWay === undefined) return;
  throw new UsageError(
    `${name} has "direction": "both", and a rehearsal writes on one side only.`,
    {
      code: 'rehearsal.both',
      hint: '`ferry local --both` shows both directions on this machine, with faults.',
    },
  );
}

function otherPartition({ name, source, destination }: ReplicationConfig): UsageError {
  return new UsageError(
    `A rehearsal of ${name} cannot deploy to ${source.region} and ${destination.region}, which are in two partitions.`,
    {
      code: 'rehearsal.partition',
      hint: 'Rehearse with --local, which shows the same failures on this machine.',
    },
  );
}
