import fc from 'fast-check';
import { expect, it } from 'vitest';
import { segmentJoin, type Side, type Suspect } from '../../src/verify/segment-join.ts';

const entry = (name: string, digest: string) => ({
  key: { pk: { S: name } },
  keyText: name,
  digest,
});
const nameOf = ({ key, side }: Suspect) => `${key['pk']?.S} ${side}`;

it('lets equal entries meet, and tells of those that differ', () => {
  const join = segmentJoin(10);

  expect(join.add('source', entry('a', '1'))).toEqual([]);
  expect(join.add('destination', entry('a', '1'))).toEqual([]);
  expect(join.add('destination', entry('b', '1'))).toEqual([]);
  expect(join.add('source', entry('b', '2')).map(nameOf)).toEqual(['b source']);
  join.add('source', entry('c', '1'));
  join.add('destination', entry('d', '1'));
  expect(join.rest().map(nameOf)).toEqual(['c source', 'd destination']);
  expect(join.rest()).toEqual([]);
});

it('hands out the oldest when too many wait', () => {
  const join = segmentJoin(2);
  join.add('source', entry('a', '1'));
  join.add('destination', entry('b', '1'));

  expect(join.add('source', entry('c', '1')).map(nameOf)).toEqual(['a source']);
  expect([join.waiting('source'), join.waiting('destination')]).toEqual([1, 1]);
  expect(join.rest().map(nameOf)).toEqual(['b destination', 'c source']);
});

it('loses nothing and holds no more than it may, whatever comes in which order', () => {
  const add = fc.record({
    side: fc.constantFrom<Side>('source', 'destination'),
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    digest: fc.constantFrom('1', '2'),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(add, { selector: ({ side, name }) => `${side}${name}` }),
      fc.integer({ min: 1, max: 8 }),
      (adds, entriesMax) => {
        const join = segmentJoin(entriesMax);
        const out = adds.flatMap(({ side, name, digest }) => join.add(side, entry(name, digest)));
        const rest = join.rest();
        expect(rest.length).toBeLessThanOrEqual(entriesMax);
        const told = new Set([...out, ...rest].map(({ key }) => key['pk']?.S));
        const digest = (side: Side, name: string) =>
          adds.find((one) => one.side === side && one.name === name)?.digest;
        const differing = adds.filter(
          ({ name }) => digest('source', name) !== digest('destination', name),
        );
        expect(differing.filter(({ name }) => !told.has(name))).toEqual([]);
      },
    ),
  );
});
