// The settings of a replication in both directions.

import { Type } from 'typebox';
import {
  attributeName,
  choice,
  closed,
  defaulted,
  define,
  group,
  integer,
} from './schema-forms.ts';
import { credentials, region, serviceEndpoints, streamArn, tableName } from './schema-tables.ts';

const { Optional, String: Text, Enum } = Type;

const homeRule = define(
  'homeRule',
  closed(
    {
      attribute: Text({
        ...attributeName,
        description: 'A key attribute of type S. Its value never changes in the life of an item.',
      }),
      prefix: Optional(
        Text({ minLength: 1, maxLength: 255, description: 'What its value begins with.' }),
      ),
      suffix: Optional(
        Text({ minLength: 1, maxLength: 255, description: 'What its value ends with.' }),
      ),
      region: region({ description: 'The home of these items: one of the two Regions.' }),
    },
    { description: 'Items whose key matches. A rule has a prefix, a suffix or both.' },
  ),
);

const home = group(
  'home',
  'In which of the two Regions each item is written. The first rule that matches an item decides.',
  {
    rules: Type.Array(homeRule(), { minItems: 1, maxItems: 100 }),
    otherwise: region({ description: 'The home of all other items: one of the two Regions.' }),
    since: Optional(
      Text({
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$',
        description:
          'A time in UTC with whole seconds, such as 2026-01-31T12:00:00Z. Set it when homes move: to a time after the writes of the items that move were fenced and drained, and before they are written at their new home. Changes before it are not replicated from their new home.',
      }),
    ),
  },
);

export const twoWay = group(
  'twoWay',
  'Required with "direction": "both". Ferry then deploys a second replication, NAME-back, beside the destination.',
  {
    mode: Enum(['home', 'stamped'], {
      description:
        'Which writes are replicated. home: each item is written in one of the two Regions only, which "home" tells by its key. stamped: every item is written in both Regions by applications that use the plug-in ferry/stamp, and the last writer wins. There is no mode in which Ferry stamps the writes of other applications later: a put of theirs wipes the version, so an older write of the other Region could replace it. An application that cannot stamp needs home.',
    }),
    home: Optional(home()),
    epoch: integer(
      [1, 9_999, 1],
      'The first part of all versions. Both directions and the plug-in must have the same. Raise it when stamped writes begin or end.',
    ),
    losers: choice(
      ['count', 'keep'],
      'What becomes of a write that has lost against a concurrent one of the other Region, and of writes that are not replicated. count: they are counted. keep: they are counted, and kept for 30 days in the on-failure bucket of the Region, where `ferry conflicts` finds them.',
    ),
    streamArn: Optional(
      streamArn({
        description:
          'The stream of an existing destination: `aws dynamodb describe-table` prints it as LatestStreamArn. Required for a destination without "create".',
      }),
    ),
    stateTable: defaulted(
      tableName({
        description:
          "Name of Ferry's own table in the source Region. Default: ferry-NAME-back-state.",
      }),
    ),
    endpoints: Optional(serviceEndpoints()),
    credentials: Optional(credentials()),
  },
);
