// The settings of a projection: which items the twin has, and which of their attributes, under which names.

import { type Static, Type } from 'typebox';
import { attributeName, closed, define, form, group } from './schema-forms.ts';
import { KEY_ARN, KEY_EXAMPLE, SECRET_PATTERN } from './schema-tables.ts';

const { Optional, String: Text, Boolean: Flag, Array: List } = Type;

/** A DynamoDB value as JSON, such as {"S": "eu"}; bytes are base64 text. */
export type TypedValue = Readonly<Record<string, unknown>>;

const typedValue = (beside: object = {}) =>
  Type.Unsafe<TypedValue>({ $ref: '#/definitions/typedValue', ...beside });
const texts = List(Text());

define(
  'typedValue',
  closed(
    {
      S: Optional(Text()),
      N: Optional(Text()),
      B: Optional(Text()),
      BOOL: Optional(Flag()),
      NULL: Optional(Flag()),
      SS: Optional(texts),
      NS: Optional(texts),
      BS: Optional(texts),
      L: Optional(List(typedValue())),
      M: Optional(Type.Unsafe({ type: 'object', additionalProperties: typedValue() })),
    },
    {
      minProperties: 1,
      maxProperties: 1,
      description: 'A DynamoDB value, such as {"S": "eu"} or {"N": "1"}. Bytes are base64 text.',
    },
  ),
);

/** What an item must be. Exactly one operator is there; all but `and`, `or` and `not` have an `attribute`. */
export interface Condition {
  readonly attribute?: string;
  readonly equals?: TypedValue;
  readonly in?: readonly TypedValue[];
  readonly beginsWith?: TypedValue;
  readonly between?: readonly TypedValue[];
  readonly exists?: boolean;
  readonly not?: Condition;
  readonly and?: readonly Condition[];
  readonly or?: readonly Condition[];
}

const condition = (beside: object = {}) =>
  Type.Unsafe<Condition>({ $ref: '#/definitions/condition', ...beside });

define(
  'condition',
  closed(
    {
      attribute: Optional(
        Text({ ...attributeName, description: 'The top-level attribute that is compared.' }),
      ),
      equals: Optional(typedValue()),
      in: Optional(List(typedValue(), { minItems: 1, maxItems: 1_000 })),
      beginsWith: Optional(typedValue({ description: 'A value of type S or B.' })),
      between: Optional(
        List(typedValue(), {
          minItems: 2,
          maxItems: 2,
          description: 'The lowest and the highest value, both of the same type: S, N or B.',
        }),
      ),
      exists: Optional(Flag({ description: 'Whether the attribute must be there, or must not.' })),
      not: Optional(condition()),
      and: Optional(List(condition(), { minItems: 1, maxItems: 100 })),
      or: Optional(List(condition(), { minItems: 1, maxItems: 100 })),
    },
    {
      description:
        'A condition on the source item: an attribute with one of equals, in, beginsWith, between and exists; or one of not, and, or. An attribute that is not there equals nothing.',
    },
  ),
);

const path = form(
  'attributePath',
  '^.{1,1000}$',
  'A path to an attribute, such as profile.phones[0] or orders[*].card. [*] is every element of a list. A backslash stands before a dot, a bracket or a backslash that is part of a name.',
);

const hash = {
  attribute: path({ description: 'The path of the attribute whose value is hashed.' }),
  secret: Text({
    pattern: SECRET_PATTERN,
    description:
      'The ARN of a Secrets Manager secret in the Region of the source. Its text, of at least 16 characters, is the key of the hash.',
    examples: ['arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf'],
  }),
  versionId: Text({
    pattern: '^[a-zA-Z0-9-]{32,64}$',
    description:
      'The VersionId of the secret. `aws secretsmanager describe-secret` prints it among VersionIdsToStages. Another version gives other hashes, so it is never changed by a rotation.',
    examples: ['11111111-aaaa-4aaa-8aaa-111111111111'],
  }),
  kmsKeyArn: Optional(
    Text({
      pattern: `^${KEY_ARN}$`,
      description:
        'The ARN of the customer managed key, not of an alias, that encrypts the secret.',
      ...KEY_EXAMPLE,
    }),
  ),
};

const hashRule = group(
  'hash',
  'Replaces a value by its HMAC-SHA256, as text of 43 characters (base64url). Equal values have equal hashes.',
  hash,
);

const attributes = group(
  'projectedAttributes',
  'What becomes of the attributes of an item, in this order: keepOnly, drop, hash, rename, set. The key attributes always stay as they are.',
  {
    keepOnly: Optional(
      List(path(), {
        minItems: 1,
        maxItems: 1_000,
        description: 'The twin has only these attributes, and the key.',
      }),
    ),
    drop: Optional(
      List(path(), {
        minItems: 1,
        maxItems: 1_000,
        description: 'The twin does not have these attributes.',
      }),
    ),
    hash: Optional(
      Type.Unsafe<HashRule | readonly HashRule[]>({
        type: ['object', 'array'],
        items: hashRule(),
        minItems: 1,
        maxItems: 1_000,
        properties: hash,
        required: ['attribute', 'secret', 'versionId'],
        additionalProperties: false,
        description:
          'Replaces the value of an attribute by its HMAC-SHA256, as text of 43 characters (base64url). Equal values have equal hashes. An array hashes several attributes.',
      }),
    ),
    rename: Optional(
      Type.Unsafe<Readonly<Record<string, string>>>({
        type: 'object',
        minProperties: 1,
        maxProperties: 1_000,
        additionalProperties: Text(attributeName),
        description:
          'New names by the paths of attributes. An attribute stays in its map. All are renamed at once, so that two can change their names.',
      }),
    ),
    set: Optional(
      Type.Unsafe<Readonly<Record<string, TypedValue>>>({
        type: 'object',
        minProperties: 1,
        maxProperties: 1_000,
        additionalProperties: typedValue(),
        description:
          'Values by the paths of attributes, with their new names. An attribute inside a map is set where the map is there.',
      }),
    ),
  },
);

export type HashRule = Static<ReturnType<typeof hashRule>>;

export const projection = group(
  'projection',
  'What the twin has of the source: the items that fulfil a condition, with some of their attributes; or what a module makes of each item.',
  {
    keepItems: Optional(condition()),
    attributes: Optional(attributes()),
    module: Optional(
      Text({
        pattern: '^.{0,1000}[^/\\\\]\\.mjs$',
        description:
          'The path of a JavaScript module with the extension .mjs (compile TypeScript to one), from the folder of the configuration file. It exports project(item, context), has no imports, and is used instead of keepItems and attributes.',
        examples: ['./projections/orders.mjs'],
      }),
    ),
  },
);
