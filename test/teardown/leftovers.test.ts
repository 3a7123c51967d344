// What a teardown may touch: names are those of the templates, and what could be another's has to be named.

import { describe, expect, it } from 'vitest';
import { decide, guessBucket, leftoversOf } from '../../src/teardown/leftovers.ts';

const SCOPE = {
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', create: true },
  destination: { region: 'eu-west-1', table: 'OrdersTwin', create: true },
  stateTable: 'ferry-orders-state',
  buckets: [{ name: 'b', isCertain: true }],
};

describe('what stays', () => {
  it('leaves tables out that the app has not created', () => {
    const own = { ...SCOPE.source, create: false };
    const twin = { ...SCOPE.destination, create: false };

    const names = leftoversOf({ ...SCOPE, source: own, destination: twin }).map(({ name }) => name);

    expect(names).toEqual([
      'ferry-orders-dead-letters',
      'ferry-orders-look-again',
      'b',
      'ferry-orders-state',
      '/ferry/orders/history',
    ]);
  });
});

describe('a bucket', () => {
  const part = 'replicatoronfailurebucke-1a2b3c';

  it('is known by the name that CloudFormation gives it', () => {
    const name = `ferry-orders-source-${part}`;

    expect(guessBucket('orders', name)).toEqual({ name, isCertain: true });
  });

  it.each([
    ['another replication', `ferry-orders2-source-${part}`],
    ['one whose name begins alike', `ferry-order-source-${part}`],
    ['something else', 'ferry-orders-source-assets-1a2b3c'],
  ])('of %s is not taken for it', (_, name) => {
    expect(guessBucket('orders', name)).toBeUndefined();
  });

  it('with a shortened name may be of another replication', () => {
    const name = `ferry-orders-of-all-cou-${part}`;

    expect(guessBucket('orders-of-all-countries-eu', name)).toEqual({ name, isCertain: false });
    expect(guessBucket('orders-of-all-countries-us', name)).toEqual({ name, isCertain: false });
  });
});

describe('it deletes', () => {
  it.each([
    ['what is empty', { name: 'q' }, undefined, [], 'delete'],
    ['nothing with data', { name: 'q' }, 'items', [], 'keep'],
    ['what was named, data or not', { name: 'q' }, 'items', ['us-east-1/q'], 'delete'],
    ['nothing of the name elsewhere', { name: 'q' }, 'items', ['eu-west-1/q'], 'keep'],
    ['nothing that may be another’s', { name: 'q', isCertain: false }, undefined, [], 'keep'],
    [
      'that too, if it was named',
      { name: 'q', isCertain: false },
      undefined,
      ['us-east-1/q'],
      'delete',
    ],
  ] as const)('%s', (_, leftover, holds, named, decision) => {
    expect(decide({ region: 'us-east-1', ...leftover }, holds, new Set(named))).toBe(decision);
  });
});
