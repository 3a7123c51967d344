// Costs are shown where Ferry knows the list prices, and nowhere else.

import { expect, it } from 'vitest';
import { capacityRows, costs } from '../../src/cli/rows.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { CHINA, CREATED, replicationOf } from '../lib/stack-templates.ts';

const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:china-AbCdEf';
const across = {
  ...CREATED,
  destination: { ...CHINA.destination, credentials: { secret } },
};

function rowsOf(replication: ReplicationConfig): string[] {
  return capacityRows({ readUnits: 8_000_000, writeUnits: 0 }, { replication }).map(
    ([label, value]) => `${label} ${value}`,
  );
}

it('shows the cost in the commercial Regions', () => {
  expect(rowsOf(replicationOf(CREATED))).toEqual([
    'read capacity 8,000,000 RCU',
    'write capacity 0 WCU',
    'cost about $1.00',
  ]);
  expect(costs(2, replicationOf(CREATED))).toEqual(['about $2.00']);
});

it.each([
  ['both sides are', CHINA],
  ['only the destination is', across],
])('shows none if %s in a partition with other prices', (_, replication) => {
  const [one] = parseConfig({ replications: [replication] }).replications;

  expect(rowsOf(one as ReplicationConfig)).toEqual([
    'read capacity 8,000,000 RCU',
    'write capacity 0 WCU',
  ]);
  expect(costs(2, one as ReplicationConfig)).toEqual([]);
});
