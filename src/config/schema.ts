// The settings of a configuration file, and the one variable of the deployed functions: the only list of them. Types
// are derived from it, and `npm run docs` writes ferry.schema.json from it, by which files and variables are checked.
// Where a text has a pattern, the first sentence of its description says which form it has: problems quote that.

import { type Static, type TSchema, type TSchemaOptions, Type } from 'typebox';
import { FUNCTION_VARIABLE, NAME_PATTERN, VARIABLE_FORMAT } from './names.ts';

const definitions: Record<string, TSchema> = {};

/** Puts a schema among the definitions. @returns what refers to it, with more beside the reference. */
function define<T extends TSchema>(name: string, schema: T) {
  definitions[name] = schema;
  return (beside: TSchemaOptions = {}) =>
    Type.Unsafe<Static<T>>({ $ref: `#/definitions/${name}`, ...beside });
}

/** May be left out of the file. A checked configuration has it. */
function defaulted<T extends TSchema>(schema: T): T {
  // Its type keeps nothing of that.
  const optional: TSchema = Type.Optional(schema);
  return optional as T;
}

/** Refuses what is not among its properties. */
function closed<const P extends Record<string, TSchema>>(properties: P, more: TSchemaOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...more });
}

/** What a file can say for all of its replications: nothing has to be there, and nothing is there by itself. */
function withoutRequired(properties: Record<string, TSchema>, more: TSchemaOptions = {}) {
  const { required: _, ...schema } = closed(properties, more);
  return schema as TSchema;
}

function group<const P extends Record<string, TSchema>>(
  name: string,
  description: string,
  properties: P,
) {
  return define(name, closed(properties, { description }));
}

function form(name: string, pattern: string, description: string, more: TSchemaOptions = {}) {
  return define(name, Text({ pattern, description, ...more }));
}

function integer(range: readonly [min: number, max: number, usual: number], description: string) {
  const [minimum, maximum, usual] = range;
  return defaulted(Integer({ minimum, maximum, default: usual, description }));
}

function flag(usual: boolean, description: string) {
  return defaulted(Flag({ default: usual, description }));
}

/** The first one is the default. */
function choice<const V extends string>(values: readonly [V, ...V[]], description: string) {
  return defaulted(Enum([...values], { default: values[0], description }));
}

const attributeName = { minLength: 1, maxLength: 255 };
const { Optional, String: Text, Boolean: Flag, Integer, Enum } = Type;

const region = form('region', '^[a-z]{2,4}(-[a-z]+)+-[0-9]+$', 'An AWS Region, such as us-east-1.');

const tableName = form(
  'tableName',
  '^[a-zA-Z0-9_.-]{3,255}$',
  'A DynamoDB table name: 3 to 255 letters, digits, underscores, dots and dashes.',
);

const keyAttribute = group('keyAttribute', 'A key attribute of a table to create.', {
  name: Text(attributeName),
  type: Enum(['S', 'N', 'B']),
});

const KEY_ARN =
  'arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const KEY_EXAMPLE = {
  examples: ['arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111'],
};

const kmsKeyArn = form(
  'kmsKeyArn',
  `^${KEY_ARN}$`,
  'The customer managed KMS key of this table: the ARN of a key in the Region of the table, not of an alias. Ferry\'s roles get permission to use it. A table with "create" is encrypted with it. An existing table must already be encrypted with it.',
  KEY_EXAMPLE,
);

const endpoint = form(
  'endpoint',
  '^https?://[^/]+/?$',
  'A DynamoDB endpoint to use instead of that of the Region, for example of an emulator. Both the function and the commands must reach it.',
  { maxLength: 255, examples: ['http://127.0.0.1:8000'] },
);

const serviceEndpoint = form(
  'serviceEndpoint',
  '^https?://[^/]+/?$',
  'Scheme, host and port, such as http://127.0.0.1:4566.',
  { maxLength: 255 },
);

const serviceEndpoints = group(
  'serviceEndpoints',
  'Endpoints of other AWS services that the commands use instead of those of the Region: of an emulator, or of `ferry local --keep`.',
  {
    cloudwatch: Optional(serviceEndpoint()),
    lambda: Optional(serviceEndpoint()),
    s3: Optional(serviceEndpoint()),
    sfn: Optional(serviceEndpoint()),
    sqs: Optional(serviceEndpoint()),
  },
);

const streamArn = Text({
  pattern:
    '^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[a-zA-Z0-9_.-]{3,255}/stream/.{1,60}$',
  description:
    'The stream of an existing table: `aws dynamodb describe-table` prints it as LatestStreamArn.',
  examples: ['arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000'],
});

const account = form('account', '^[0-9]{12}$', 'The 12 digits of an AWS account.');

const profile = Text({
  minLength: 1,
  maxLength: 255,
  description:
    'The profile of the AWS configuration files by which the commands reach this side. Functions do not use it. Default: the credentials that the AWS SDK finds by itself.',
});

const place = {
  region: region(),
  table: tableName(),
  account: Optional(
    account({
      description:
        'The 12 digits of the AWS account of this side. Required on both sides of every replication of the file if one of them has it.',
    }),
  ),
  profile: Optional(profile),
};

const tableKeys = {
  partitionKey: Optional(keyAttribute()),
  sortKey: Optional(keyAttribute()),
  kmsKeyArn: Optional(kmsKeyArn()),
  endpoint: Optional(endpoint()),
};

const ofSource = {
  ...place,
  streamArn: Optional(streamArn),
  create: flag(false, 'Create the table, with its stream, instead of using an existing one.'),
  ...tableKeys,
  endpoints: Optional(serviceEndpoints()),
};

const source = define('source', closed(ofSource));

const credentials = group(
  'credentials',
  'How functions and commands reach a destination in another partition, where no role of the source has rights.',
  {
    secret: Text({
      pattern:
        '^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@-]{1,519}$',
      description:
        'The ARN of a Secrets Manager secret in the Region of the source. It holds JSON with accessKeyId and secretAccessKey, and optionally sessionToken and expiration (ISO 8601).',
      examples: ['arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/china-AbCdEf'],
    }),
    kmsKeyArn: Optional(
      kmsKeyArn({
        description:
          'The ARN of the customer managed key, not of an alias, that encrypts the secret.',
      }),
    ),
  },
);

const ofDestination = {
  ...place,
  create: flag(false, 'Create the table, instead of using an existing one.'),
  ...tableKeys,
  credentials: Optional(credentials()),
};

const destination = define('destination', closed(ofDestination));

const encryptionKey = form(
  'encryptionKey',
  `^${KEY_ARN}$`,
  'The ARN of a customer managed KMS key, not of an alias.',
  KEY_EXAMPLE,
);

const encryptionException = form(
  'encryptionException',
  `^(none|${KEY_ARN})$`,
  'The ARN of a customer managed KMS key, not of an alias; or none.',
  KEY_EXAMPLE,
);

const key = (description: string) => Optional(encryptionKey({ description }));

const exception = (what: string, otherwise: string, more = '') =>
  Optional(encryptionException({ description: `A key ${what}, or none for ${otherwise}.${more}` }));

const encryption = group(
  'encryption',
  'Customer managed KMS keys for what Ferry creates: kmsKeyArn for all of it, and exceptions. Each is the ARN of a key, not of an alias. docs/customer-keys.md says what the key policies must allow.',
  {
    kmsKeyArn: key(
      'A key in the Region of the source, for everything that Ferry creates there: queues, bucket, alarm topic, log groups, functions, and a source table with "create". If it is a multi-Region key, Ferry uses its replica in the Region of the destination.',
    ),
    destinationKmsKeyArn: key(
      'A key in the Region of the destination, for the state table, and for a destination table with "create". Required if kmsKeyArn is a key of another Region, but not a multi-Region key.',
    ),
    deadLetterQueue: exception('for the dead-letter queue', 'the default encryption of SQS'),
    lookAgainQueue: exception('for the look-again queue', 'the default encryption of SQS'),
    onFailureBucket: exception('for the on-failure bucket', 'the default encryption of S3'),
    alarmTopic: exception(
      'for the alarm topic',
      'no encryption',
      ' The key policy must allow CloudWatch to use it. Otherwise no alarm is sent, and no error is shown.',
    ),
    logGroups: exception('for all log groups', 'the default encryption of CloudWatch Logs'),
    functions: exception(
      'for the environment variables of all functions',
      'the default encryption of Lambda',
    ),
    stateTable: exception(
      'in the Region of the destination for the state table',
      'the AWS managed key of DynamoDB',
    ),
  },
);

const heartbeat = group(
  'heartbeat',
  'Write one reserved item to the source every minute. An idle or stuck replication then has a latency, too, and a missing heartbeat raises an alarm.',
  {
    key: Type.Unsafe<Record<string, string | number>>({
      type: 'object',
      minProperties: 1,
      maxProperties: 2,
      additionalProperties: {
        type: ['string', 'number'],
        pattern: '^[ -#%-)+->@-~\u00a1-\u00ff]{1,255}$',
        description:
          'A number, or a text of 1 to 255 printable characters of ISO 8859-1 other than *, ? and $, because an IAM policy contains it. For example ferry-heartbeat.',
      },
      description:
        'The key of the item, by attribute: a text for a key of type S, a number for a key of type N. No other writer may use this item.',
    }),
  },
);

const email = form('email', '^[^@\\s]+@[^@\\s]+$', 'An email address.', {
  maxLength: 254,
  examples: ['oncall@example.com'],
});

const alarms = group('alarms', 'When alarms fire, and where they are sent.', {
  enabled: flag(true, 'Whether to create the alarms. Each costs a monthly price.'),
  topicArn: Optional(
    Text({
      pattern: '^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_-]{1,256}$',
      description:
        'The ARN of an existing SNS topic in the Region of the source, for these alarms instead of a topic of Ferry. Its policy must let CloudWatch publish.',
      examples: ['arn:aws:sns:us-east-1:111122223333:oncall'],
    }),
  ),
  email: Optional(
    email({
      description:
        'An email address. It receives every alarm, after it has confirmed the subscription.',
    }),
  ),
  latencySeconds: integer(
    [1, 86_400, 60],
    'p99 replication latency, in seconds, at which the alarm fires.',
  ),
  runbook: defaulted(
    Text({
      minLength: 1,
      maxLength: 500,
      default: 'docs/runbook.md',
      description:
        'Where the runbook is. With a URL, alarms and dashboard link to it. Otherwise the dashboard shows the entries of the runbook, and alarms link to the dashboard.',
    }),
  ),
});

const eventSource = group(
  'eventSource',
  'How Lambda reads the stream: the settings of the event source mapping.',
  {
    batchSize: integer([1, 10_000, 1_000], 'Maximum number of records per invocation.'),
    maxBatchingWindowSeconds: integer(
      [0, 300, 0],
      'How long Lambda gathers a batch. A value above 0 adds latency, and makes fewer invocations.',
    ),
    parallelizationFactor: integer(
      [1, 10, 1],
      'Concurrent batches per shard. Records of one item stay in order.',
    ),
    enabled: flag(
      true,
      'Whether Lambda reads the stream. With false, a new event source mapping is disabled until it is enabled, as `ferry backfill --before-stream` needs it.',
    ),
    retryAttempts: integer(
      [-1, 10_000, -1],
      'Retries of a failing batch. With -1, Lambda retries until maxRecordAgeSeconds, so that records wait in the stream during an outage of the destination.',
    ),
    maxRecordAgeSeconds: defaulted(
      Integer({
        minimum: 60,
        maximum: 82_800,
        description:
          'Age at which Lambda moves a record to the on-failure bucket. It must be below the 24 hours for which the stream keeps a record, with time left to catch up. Default: 72000; in aws-cn 43200, because Lambda stores only where the records are there, and `ferry redrive` must read them from the stream in time.',
      }),
    ),
  },
);

const functionSettings = group('function', 'The replicate function.', {
  memoryMiB: integer([128, 10_240, 512], 'Memory of the function. Processor time grows with it.'),
  timeoutSeconds: integer(
    [30, 900, 60],
    'Timeout of the function. With checked tombstones, at most 835.',
  ),
  concurrency: integer(
    [1, 900, 800],
    'Maximum number of concurrent writes in one invocation, and never more than one for each MiB of memory. Ferry measures how many of them the destination can use.',
  ),
  httpClient: choice(
    ['signed', 'sdk'],
    'How the function sends its writes: signed, with requests that Ferry signs itself for a tenth of the processor time, or sdk, with the AWS SDK.',
  ),
  architecture: choice(['arm64', 'x86_64'], 'Processor of the functions.'),
  runtime: choice(['nodejs24.x', 'nodejs22.x'], 'Runtime of the functions.'),
  logRetentionDays: defaulted(
    Enum([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653], {
      default: 30,
    }),
  ),
});

const settings = {
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
  tombstones: choice(
    ['checked', 'strict'],
    'How Ferry keeps deleted items from coming back. checked: inserts that are older than 30 s are looked up first, and deletes are looked at again. After a crash or an overlap of invocations, a deleted item may show for minutes. strict: every insert is a transaction, which costs four times as much. A deleted item never shows.',
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
          'The ARN of a customer managed KMS key, not of an alias, for the topic. Its policy must allow CloudWatch to use it. All sources must then be in its Region.',
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
export type FleetConfig = Of<typeof fleet>;
export type HeartbeatConfig = Of<typeof heartbeat>;
/** What a function knows of its replication, and of the deployment that it is part of. */
export type Deployment = Omit<Of<typeof variable>, 'format' | 'lookAgainQueueUrl'> & {
  readonly lookAgainQueueUrl?: string | undefined;
};

/** By their path in the file, such as replications.0. */
export type Replications = ReadonlyMap<string, ReplicationConfig>;

export interface Config {
  readonly fleet?: FleetConfig | undefined;
  readonly replications: readonly ReplicationConfig[];
}

export type TtlDeletes = ReplicationConfig['ttlDeletes'];
