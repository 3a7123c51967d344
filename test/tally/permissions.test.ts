// Who switches may read and write the tally in its Region, and only where there is one.

import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { partitionOf } from '../../src/config/partition.ts';
import { arnsOf } from '../../src/permissions/arns.ts';
import { switchStatements } from '../../src/permissions/operator-access.ts';

const STREAMS =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';
const owner = { partition: 'aws', account: '111122223333' };

function onTally(variant: 'operator' | 'operator-read', switching: object) {
  const [replication] = parseConfig({
    replications: [
      {
        name: 'orders',
        source: { region: 'us-east-1', table: 'Orders', streamArn: STREAMS },
        destination: { region: 'eu-west-1', table: 'Orders' },
        switching: {
          streamArn: STREAMS.replace('us-east-1', 'eu-west-1'),
          ...switching,
        },
      },
    ],
  }).replications;
  if (replication === undefined) throw new Error('no replication');
  const deployed = { source: owner, destination: owner, partitionAt: partitionOf, known: {} };
  return switchStatements(replication, arnsOf(replication, deployed), variant)
    .filter(({ place }) => place === 'tally')
    .map(({ resource, actions }) => ({ resource, actions: actions.toSorted() }));
}

it('is for operators, in the Region of the table', () => {
  const tally = { region: 'us-west-2', table: 'orders-tally' };

  const found = onTally('operator', { tally });

  const resource = 'arn:aws:dynamodb:us-west-2:111122223333:table/orders-tally';
  const statement = { resource, actions: ['dynamodb:PutItem', 'dynamodb:Scan'] };
  // Of the role beside each side: either may be the one that is left.
  expect(found).toEqual([statement, statement]);
  expect(onTally('operator-read', { tally })).toEqual([]);
  expect(onTally('operator', {})).toEqual([]);
});
