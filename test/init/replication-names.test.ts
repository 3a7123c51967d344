import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NAME_PATTERN } from '../../src/config/names.ts';
import { namesFrom } from '../../src/init/replication-names.ts';

const LONG = 'prod-customer-platform-events-of-';

describe('the names of replications', () => {
  it.each<[string[], string[], string[]]>([
    [['Orders', 'Users'], [], ['orders', 'users']],
    [
      ['Orders', 'orders', 'orders-2', 'ORDERS'],
      [],
      ['orders-4', 'orders', 'orders-2', 'orders-3'],
    ],
    [['Orders'], ['orders'], ['orders-2']],
    [
      [`${LONG}orders`, `${LONG}users`],
      [],
      ['prod-customer-platform-events', 'prod-customer-platform-event-2'],
    ],
    [['123', '456'], [], ['replication', 'replication-2']],
    // Its topic would have the name of the fleet's.
    [['fleet'], [], ['fleet-2']],
  ])('of %j, with %j taken', (tables, taken, expected) => {
    const names = namesFrom(tables, taken);

    expect(tables.map((table) => names.get(table))).toEqual(expected);
  });

  it('are valid, each once, and the same in whichever order the tables come', () => {
    const character = fc.constantFrom(...'a A b B 0 1 - _ .'.split(' '));
    const alike = fc
      .tuple(fc.constantFrom('', 'Orders', LONG), fc.string({ unit: character, maxLength: 4 }))
      .map((parts) => parts.join(''))
      .filter((table) => table.length >= 3);
    const tables = fc.uniqueArray(alike, { minLength: 50, maxLength: 60 });
    const taken = fc.uniqueArray(fc.constantFrom('orders', 'orders-2', 'orders-a', 'replication'));
    fc.assert(
      fc.property(tables, taken, (given, used) => {
        const names = namesFrom(given, used);

        const all = [...names.values(), ...used];
        expect(new Set(all).size).toBe(given.length + used.length);
        for (const name of all) expect(name).toMatch(new RegExp(`^${NAME_PATTERN}$`));
        expect(new Map(given.map((table) => [table, names.get(table)]))).toEqual(
          namesFrom(given.toReversed(), used.toReversed()),
        );
      }),
    );
  });
});
