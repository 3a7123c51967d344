// What an entry of a file has to say, and what its defaults say for it.

import { describe, expect, it } from 'vitest';
import { defaultsFor, entryOf, type PairFacts, withoutUsual } from '../../src/init/entry.ts';
import { firstStep } from '../../src/init/first-step.ts';
import type { TableFacts } from '../../src/model/table-facts.ts';
import { tableFacts } from '../fixtures/table-facts.ts';

const [A, B] = ['111122223333', '444455556666'];
const stream = { arn: 'the stream', viewType: 'NEW_IMAGE' };
const pairOf = (account: string, more: Partial<TableFacts> = {}): PairFacts => ({
  source: tableFacts('us-east-1', A, { ...more, stream }),
  destination: tableFacts('eu-west-1', account, more),
});
const USUAL = { reach: { source: {}, destination: {} }, namesAccounts: false };

describe('an entry', () => {
  it('has no account where both tables are in one', () => {
    expect(entryOf('orders', pairOf(A), USUAL)).toEqual({
      name: 'orders',
      source: { region: 'us-east-1', table: 'Orders', streamArn: 'the stream' },
      destination: { region: 'eu-west-1', table: 'Orders' },
    });
  });

  it('has the accounts where there are two, and where the others of the file have theirs', () => {
    const apart = entryOf('orders', pairOf(B), USUAL);
    const named = entryOf('orders', pairOf(A), { ...USUAL, namesAccounts: true });

    expect(apart).toMatchObject({ source: { account: A }, destination: { account: B } });
    expect(named).toMatchObject({ source: { account: A }, destination: { account: A } });
  });

  it('has no accounts of emulators, which are of their own making', () => {
    const local = entryOf('orders', pairOf(B, { endpoint: 'http://127.0.0.1:8000' }), USUAL);

    expect(local.source).not.toHaveProperty('account');
    expect(local.destination).toMatchObject({ endpoint: 'http://127.0.0.1:8000' });
  });

  it('leaves out what the defaults say, and names what they say otherwise', () => {
    const credentials = { secret: 'of the keys' };
    const reach = { source: {}, destination: { profile: 'far', credentials } };
    const options = { ...USUAL, reach };
    const entry = entryOf('orders', pairOf(B), options);
    const other = { source: { region: 'us-west-2' }, destination: { create: true } };

    expect(defaultsFor(pairOf(B), options)).toEqual({
      source: { region: 'us-east-1', account: A },
      destination: { region: 'eu-west-1', account: B, profile: 'far', credentials },
    });
    expect(withoutUsual(entry, defaultsFor(pairOf(B), options))).toEqual({
      name: 'orders',
      source: { table: 'Orders', streamArn: 'the stream' },
      destination: { table: 'Orders' },
    });
    expect(withoutUsual(entry, other)).toMatchObject({
      source: { region: 'us-east-1' },
      destination: { region: 'eu-west-1', create: false },
    });
    expect(withoutUsual(entry, {})).toEqual(entry);
  });
});

describe('the first step', () => {
  const items = (source: number, destination: number): PairFacts => {
    const { source: from, destination: to } = pairOf(A);
    return { source: { ...from, items: source }, destination: { ...to, items: destination } };
  };

  it.each([
    [1_000, 1_000, 'verify'],
    [1_000, 901, 'verify'],
    [1_000, 1_099, 'verify'],
    [1_000, 899, 'backfill'],
    [1_000, 1_101, 'backfill'],
    [1_000, 0, 'backfill'],
    [0, 0, 'backfill'],
    [0, 5, 'backfill'],
  ])('with %i items and a twin with %i: %s', (source, destination, expected) => {
    expect(firstStep(items(source, destination))).toBe(expected);
  });
});
