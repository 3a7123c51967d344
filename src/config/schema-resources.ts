// The settings of what Ferry deploys for a replication: keys, heartbeat, alarms, event source mapping and function.

import { Type } from 'typebox';
import { choice, defaulted, flag, form, group, integer } from './schema-forms.ts';
import { KEY_ARN, KEY_EXAMPLE } from './schema-tables.ts';

const { Optional, String: Text, Integer, Enum } = Type;

export const encryptionKey = form(
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

export const encryption = group(
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

export const heartbeat = group(
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
        'The key of the item, by attribute: a text for a key of type S, a number for a key of type N. No other writer may use this item, except that all replications of a chain share it.',
    }),
  },
);

export const email = form('email', '^[^@\\s]+@[^@\\s]+$', 'An email address.', {
  maxLength: 254,
  examples: ['oncall@example.com'],
});

export const alarms = group('alarms', 'When alarms fire, and where they are sent.', {
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

export const eventSource = group(
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
        minimum: -1,
        maximum: 604_800,
        description:
          'Age at which Lambda moves a record to the on-failure bucket: 60 to 82800 for the stream of a table. For a Kinesis stream, 60 to 604800, or -1 for no limit, and the default is five sixths of what the stream keeps, or -1 where that is over 604800. It must be below the 24 hours for which the stream keeps a record, with time left to catch up. Default: 72000. With "deadLetters": "projected", and outside the partition aws, the default is 43200: Lambda then only notes in the dead-letter queue where the records are, and `ferry redrive` must read them from the stream in time.',
      }),
    ),
  },
);

export const functionSettings = group('function', 'The replicate function.', {
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
