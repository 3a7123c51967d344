// The settings of the two sides of a replication: where each table is, how it is reached, and how it is made.

import { Type } from 'typebox';
import { attributeName, closed, define, flag, form, group } from './schema-forms.ts';

const { Optional, String: Text, Enum } = Type;

export const region = form(
  'region',
  '^[a-z]{2,4}(-[a-z]+)+-[0-9]+$',
  'An AWS Region, such as us-east-1.',
);

export const tableName = form(
  'tableName',
  '^[a-zA-Z0-9_.-]{3,255}$',
  'A DynamoDB table name: 3 to 255 letters, digits, underscores, dots and dashes.',
);

export const keyAttribute = group('keyAttribute', 'A key attribute of a table to create.', {
  name: Text(attributeName),
  type: Enum(['S', 'N', 'B']),
});

export const KEY_ARN =
  'arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})';
export const KEY_EXAMPLE = {
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

export const serviceEndpoints = group(
  'serviceEndpoints',
  'Endpoints of other AWS services that the commands use instead of those of the Region: of an emulator, or of `ferry local --keep`.',
  {
    cloudwatch: Optional(serviceEndpoint()),
    kinesis: Optional(serviceEndpoint()),
    lambda: Optional(serviceEndpoint()),
    s3: Optional(serviceEndpoint()),
    secretsmanager: Optional(serviceEndpoint()),
    sfn: Optional(serviceEndpoint()),
    sqs: Optional(serviceEndpoint()),
  },
);

export const streamArn = form(
  'streamArn',
  '^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[a-zA-Z0-9_.-]{3,255}/stream/.{1,60}$',
  'The stream of an existing table: `aws dynamodb describe-table` prints it as LatestStreamArn.',
  {
    examples: [
      'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
    ],
  },
);

const KINESIS_ARN = 'arn:aws[a-z-]*:kinesis:[a-z0-9-]+:[0-9]{12}:stream/[a-zA-Z0-9_.-]{1,128}';

const kinesis = {
  kinesisStreamArn: Optional(
    Text({
      pattern: `^${KINESIS_ARN}$`,
      description:
        'A Kinesis data stream to which the table sends its changes, in the account and Region of the table: Ferry then reads it instead of the stream of the table. It keeps changes for up to 365 days, and not for 24 hours. DynamoDB must write times with microseconds. Requires kinesisRetentionHours.',
      examples: ['arn:aws:kinesis:us-east-1:111122223333:stream/order-changes'],
    }),
  ),
  kinesisRetentionHours: Optional(
    Type.Integer({
      minimum: 24,
      maximum: 8_760,
      description:
        'How long the Kinesis stream keeps a record, or longer. Deletes are remembered for a day more, and for 15 days at least: a record that outlives the memory of its delete would bring a deleted item back.',
    }),
  ),
  kinesisKmsKeyArn: Optional(
    kmsKeyArn({
      description:
        'The ARN of the customer managed KMS key, not of an alias, that encrypts the Kinesis stream.',
    }),
  ),
};

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

export const ofSource = {
  ...place,
  streamArn: Optional(streamArn()),
  ...kinesis,
  create: flag(false, 'Create the table, with its stream, instead of using an existing one.'),
  ...tableKeys,
  endpoints: Optional(serviceEndpoints()),
};

export const source = define('source', closed(ofSource));

export const SECRET_PATTERN =
  '^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@-]{1,519}$';

export const credentials = group(
  'credentials',
  'How functions and commands reach a destination in another partition, where no role of the source has rights.',
  {
    secret: Text({
      pattern: SECRET_PATTERN,
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

export const ofDestination = {
  ...place,
  create: flag(false, 'Create the table, instead of using an existing one.'),
  ...tableKeys,
  credentials: Optional(credentials()),
};

export const destination = define('destination', closed(ofDestination));
