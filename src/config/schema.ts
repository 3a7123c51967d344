// The settings of a configuration file, and the one variable of the deployed functions: the only list of them. Types
// are derived from it, and `npm run docs` writes ferry.schema.json from it, by which files and variables are checked.
// Where a text has a pattern, the first sentence of its description says which form it has: problems quote that.

import { type Static, type TSchema, Type } from 'typebox';
import { FUNCTION_VARIABLE, NAME_PATTERN, VARIABLE_FORMAT } from './names.ts';
import {
  choice,
  closed,
  defaulted,
  define,
  definitions,
  flag,
  group,
  withoutRequired,
  attributeName,
} from './schema-forms.ts';
import {
  alarms,
  email,
  encryption,
  encryptionKey,
  eventSource,
  functionSettings,
  heartbeat,
} from './schema-resources.ts';
import { projection } from './schema-projection.ts';
import { reconcile } from './schema-reconcile.ts';
import { switching } from './schema-switching.ts';
import { twoWay } from './schema-two-way.ts';
import {
  destination,
  keyAttribute,
  ofDestination,
  ofSource,
  serviceEndpoints,
  source,
  tableName,
} from './schema-tables.ts';

const { Optional, String: Text, Enum } = Type;

const settings = {
  direction: choice(
    ['one-way', 'both'],
    'Whether only the source is written by applications, or both tables are. "both" requires twoWay.',
  ),
  stateTable: defaulted(
    tableName({
      description:
        "Name of Ferry's own table in the destination Region. Default: ferry-NAME-state.",
    }),
  ),
  ttlDeletes: choice(
    ['replicate', 'skip'],
    'Whether deletes by the TTL of the source are replicated, or skipped because the destination has its own TTL.',
  ),
  tombstones: defaulted(
    Enum(['checked', 'strict', 'insert-check'], {
      description:
        'How Ferry keeps deleted items from coming back. Default: checked, and insert-check with "direction": "both". checked: inserts that are older than 30 s are looked up first, and deletes are looked at again. After a crash or an overlap of invocations, a deleted item may show for minutes. strict: every insert is a transaction, which costs four times as much. A deleted item never shows. insert-check: the function of the other direction looks at every insert that Ferry has made; only with "direction": "both", and the only one there.',
    }),
  ),
  systemicRejections: choice(
    ['hold', 'dead-letter'],
    'What happens if the destination rejects at least 100 different items, and 90 % of a batch, for one reason: hold the records and raise an alarm, or send each of them to the dead-letter queue.',
  ),
  unversionedItems: choice(
    ['replace', 'keep'],
    'What happens to items of the destination that Ferry did not write: replace them, or keep them.',
  ),
  reservedAttribute: defaulted(
    Text({
      ...attributeName,
      default: '_ferry',
      description: 'Top-level attribute that holds the version of each item of the destination.',
    }),
  ),
  projection: Optional(projection()),
  deadLetters: choice(
    ['whole', 'projected'],
    'What is stored of a change that cannot be applied. whole: the record of the stream, with all attributes of the source item, also those that a projection drops or hashes. projected: key, version and reason only. `ferry redrive` then takes the item from the source.',
  ),
  timestampAttribute: Optional(
    Text({
      ...attributeName,
      description:
        'Top-level attribute in which the application writes the time of each write. A number, or text with a number, is epoch seconds below 10^11, milliseconds below 10^14, else microseconds. Other text is ISO 8601 with a time of day, in UTC if it has no offset. Latency is as exact as this timestamp. Without the setting, latency reads up to one second too high. An item without it, or with a time over 48 hours old or 15 minutes ahead, is measured by the time of the stream and counted as TimestampFallbacks. Deletes then have no timestamp and no latency.',
    }),
  ),
  bulk: flag(
    false,
    'Whether to deploy a state machine that runs `ferry backfill --bulk`, `ferry verify --bulk` and `ferry redrive --bulk` as concurrent functions: for tables that are too large for one machine, and for the millions of records of a long outage. It costs nothing while it does not run.',
  ),
  dashboard: flag(true, 'Whether to create a dashboard. Each costs a monthly price.'),
  operatorRole: flag(
    false,
    'Whether to create roles that operators assume for the commands: ferry-NAME-operator, and ferry-NAME-operator-read, which cannot change anything. The commands then assume them. Requires the account of both sides.',
  ),
  encryption: Optional(encryption()),
  heartbeat: Optional(heartbeat()),
  switching: Optional(switching()),
  twoWay: Optional(twoWay()),
  reconcile: Optional(reconcile()),
  alarms: defaulted(alarms({ default: {} })),
  eventSource: defaulted(eventSource({ default: {} })),
  function: defaulted(functionSettings({ default: {} })),
};

const replication = define(
  'replication',
  closed({
    name: Text({
      pattern: `^${NAME_PATTERN}$`,
      description:
        '1 to 30 lower-case letters, digits and dashes, starting with a letter. It is part of the names of stacks, queues and functions, and of every tombstone. Do not rename it.',
    }),
    source: source(),
    destination: destination(),
    ...settings,
  }),
);

const given = (description: string) => Text({ minLength: 1, description });

const variable = group('functionVariable', `The variable ${FUNCTION_VARIABLE} of every function.`, {
  format: Enum([VARIABLE_FORMAT]),
  replication: replication(),
  streamArn: given('The stream that the replicate function reads.'),
  deadLetterQueueUrl: given('The dead-letter queue.'),
  onFailureBucket: given('The bucket for batches that Lambda gives up, and for reports.'),
  lookAgainQueueUrl: Optional(
    given('Where deletes are announced. Required with "checked" tombstones.'),
  ),
  projectionDigest: Optional(
    Text({
      pattern: '^[0-9a-f]{64}$',
      description: 'SHA-256 of the projection, as 64 hexadecimal digits.',
    }),
  ),
});

const sourceDefaults = define('sourceDefaults', withoutRequired(ofSource));
const destinationDefaults = define('destinationDefaults', withoutRequired(ofDestination));

const defaults = define(
  'defaults',
  withoutRequired(
    { source: sourceDefaults(), destination: destinationDefaults(), ...settings },
    {
      description:
        'Settings for every replication that does not have its own. Objects are merged, and arrays replaced.',
    },
  ),
);

const fleet = group(
  'fleet',
  'For each account and Region of a source: one dashboard of all replications, one alarm that summarizes theirs, and one topic for all alarms, in a stack of its own.',
  {
    email: Optional(
      email({
        description:
          'An email address. It receives every alarm of every replication, after it has confirmed the subscription in each Region.',
      }),
    ),
    kmsKeyArn: Optional(
      encryptionKey({
        description:
          'The ARN of a customer managed KMS key, not of an alias, for the topic. Its policy must allow CloudWatch to use it. All sources must then be in its account and its Region.',
      }),
    ),
  },
);

const file = closed({
  $schema: Optional(Text({ description: 'Path of this schema, for editors.' })),
  defaults: Optional(defaults()),
  fleet: Optional(fleet()),
  replications: Type.Array(replication(), {
    minItems: 1,
    maxItems: 100,
    description: 'The tables to replicate. Each gets its own pair of stacks.',
  }),
});

/** As ferry.schema.json has it. */
export const SCHEMA: object = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Ferry configuration',
  ...file,
  definitions,
};

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;
type Of<T extends () => TSchema> = Frozen<Static<ReturnType<T>>>;

/** One table and its twin, checked: every setting that has a default is there. */
export type ReplicationConfig = Of<typeof replication>;
/** A table that is written. A source is one, too. */
export type TableConfig = Of<typeof destination>;
export type SourceConfig = Of<typeof source>;
export type KeyAttribute = Of<typeof keyAttribute>;
export type EncryptionConfig = Of<typeof encryption>;
export type ServiceEndpoints = Of<typeof serviceEndpoints>;
export type EventSourceConfig = Of<typeof eventSource>;
export type ProjectionConfig = Of<typeof projection>;
export type FleetConfig = Of<typeof fleet>;
export type HeartbeatConfig = Of<typeof heartbeat>;
export type SwitchingConfig = Of<typeof switching>;
export type TwoWayConfig = Of<typeof twoWay>;
export type ReconcileConfig = Of<typeof reconcile>;
/** What a function knows of its replication, and of the deployment that it is part of. */
export type Deployment = Omit<
  Of<typeof variable>,
  'format' | 'lookAgainQueueUrl' | 'projectionDigest'
> & {
  readonly lookAgainQueueUrl?: string | undefined;
  /** Of the projection, where there is one. */
  readonly projectionDigest?: string | undefined;
};

/** By their path in the file, such as replications.0. */
export type Replications = ReadonlyMap<string, ReplicationConfig>;

export interface Config {
  readonly fleet?: FleetConfig | undefined;
  readonly replications: readonly ReplicationConfig[];
}

export type TtlDeletes = ReplicationConfig['ttlDeletes'];
