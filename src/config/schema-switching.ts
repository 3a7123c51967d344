// The settings of a replication whose direction can be switched.

import { Type } from 'typebox';
import { choice, defaulted, flag, group, integer } from './schema-forms.ts';
import { serviceEndpoints, streamArn, tableName, region } from './schema-tables.ts';

const { Optional, String: Text } = Type;

const tally = group(
  'tally',
  'A table in a third Region in which applications count their writes: see docs/switching.md.',
  { region: region(), table: tableName() },
);

export const switching = group(
  'switching',
  'Makes it possible to switch the direction, with `ferry failover` and `ferry failback`. Ferry then deploys a replication NAME-back beside the destination, and records in both Regions which table is active.',
  {
    fence: choice(
      ['policy', 'application'],
      'How writes to the old active table are refused during a switch and after it. policy: by a statement in the resource policy of the table. application: by the application itself, which the operator promises with --fenced-by-application.',
    ),
    markers: flag(
      true,
      'Whether a switch writes items of its own, ferry-marker-…, to prove that it has read the stream to its end. A table whose partition key is a number has none in any case, and its switches compare the tables.',
    ),
    layer: integer(
      [1, 100, 1],
      'The layer in which Region switch plans switch the replication. Layers run one after the other, in ascending order. The replications of one layer are switched side by side.',
    ),
    operatorRoles: defaulted(
      Type.Array(
        Text({
          pattern: '^arn:aws[a-z-]*:iam::[0-9]{12}:role/.{1,512}$',
          description: 'The ARN of a role.',
        }),
        {
          default: [],
          maxItems: 10,
          description:
            'ARNs of the roles of operators who switch. The fence lets them write, beside the functions of Ferry.',
        },
      ),
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
    tally: Optional(tally()),
  },
);
