// Whom the fence of a table exempts, and whom an active table refuses.

import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { otherDirection } from '../../src/config/directions.ts';
import { exemptRoles, inboundRoles } from '../../src/config/fence-roles.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';

const ACCOUNT = '111122223333';
const OPERATOR = `arn:aws:iam::${ACCOUNT}:role/on-call`;

function orders(accounts?: readonly [source: string, destination: string]): ReplicationConfig {
  const [source, destination] = (accounts ?? []).map((account) => ({ account }));
  const streamArn = `arn:aws:dynamodb:eu-west-1:${accounts?.[1] ?? ACCOUNT}:table/Orders/stream/2026-01-31T12:00:00.000`;
  const [first] = parseConfig({
    replications: [
      {
        name: 'orders',
        source: {
          region: 'us-east-1',
          table: 'Orders',
          streamArn: `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/Orders/stream/2026-01-31T12:00:00.000`,
          ...source,
        },
        destination: { region: 'eu-west-1', table: 'Orders', ...destination },
        switching: { operatorRoles: [OPERATOR], streamArn },
      },
    ],
  }).replications;
  if (first === undefined) throw new Error('no replication');
  return first;
}

const names = (arns: readonly string[]) => arns.map((arn) => arn.replace(/^arn:aws:iam::/, ''));

it('of one account, the functions write by their own roles', () => {
  expect(names(inboundRoles(orders(), ACCOUNT))).toEqual([
    `${ACCOUNT}:role/ferry-orders-replicate`,
    `${ACCOUNT}:role/ferry-orders-look-again`,
    `${ACCOUNT}:role/ferry-orders-bulk`,
  ]);
  expect(names(inboundRoles(otherDirection(orders()), ACCOUNT))[0]).toBe(
    `${ACCOUNT}:role/ferry-orders-back-replicate`,
  );
});

it('of two accounts, they write by the role of the other one', () => {
  const direction = orders([ACCOUNT, '444455556666']);

  expect(names(inboundRoles(direction, ACCOUNT))).toEqual([
    '444455556666:role/ferry-orders-writer',
  ]);
  expect(names(inboundRoles(otherDirection(direction), ACCOUNT))).toEqual([
    `${ACCOUNT}:role/ferry-orders-back-writer`,
  ]);
});

it('exempts functions, operators and those who switch, once each', () => {
  const roles = exemptRoles(orders(), { account: ACCOUNT, caller: undefined });

  expect(roles).toEqual([...new Set(roles)]);
  expect(roles).toEqual(expect.arrayContaining(inboundRoles(orders(), ACCOUNT)));
  expect(roles).toContain(OPERATOR);
  for (const name of ['orders-operator', 'orders-switch', 'switch-us-east-1', 'switch-eu-west-1'])
    expect(roles).toContain(`arn:aws:iam::${ACCOUNT}:role/ferry-${name}`);
  expect(roles.filter((arn) => arn.includes('probe') || arn.includes('*'))).toEqual([]);
});

it.each([
  [
    `arn:aws:sts::${ACCOUNT}:assumed-role/Admin/alice@example.com`,
    [`arn:aws:iam::${ACCOUNT}:role/Admin`, `arn:aws:iam::${ACCOUNT}:role/*/Admin`],
  ],
  [`arn:aws:iam::${ACCOUNT}:user/bob`, [`arn:aws:iam::${ACCOUNT}:user/bob`]],
])('exempts the caller who raises it: %s', (caller, expected) => {
  const others = exemptRoles(orders(), { account: ACCOUNT, caller: undefined });

  const roles = exemptRoles(orders(), { account: ACCOUNT, caller });

  expect(roles.filter((role) => !others.includes(role))).toEqual(expected);
});
