// What is noticed of the three projections that should be the same.

import { expect, it } from 'vitest';
import { projectionNotices, tableNotices } from '../../src/status/projection-findings.ts';

const [ONE, TWO] = ['1'.repeat(64), '2'.repeat(64)];
const kinds = (...[known]: Parameters<typeof projectionNotices>) =>
  projectionNotices(known).map(({ kind }) => kind);

it.each([
  ['all are the same', { file: ONE, deployed: ONE, written: ONE }, []],
  ['there is none', { file: null, deployed: null, written: null }, []],
  ['nothing is deployed', { file: ONE, deployed: undefined, written: TWO }, []],
  ['the twin has another', { file: ONE, deployed: ONE, written: TWO }, ['not-written']],
  ['the twin has none', { file: ONE, deployed: ONE, written: null }, ['not-written']],
  ['it was removed, and the twin has one', { deployed: null, written: ONE }, ['not-written']],
  ['the file has another', { file: TWO, deployed: ONE, written: ONE }, ['not-deployed']],
  ['the file has none', { file: null, deployed: ONE, written: ONE }, ['not-deployed']],
  ['the control row is not known', { file: ONE, deployed: ONE, written: undefined }, []],
  ['both differ', { file: null, deployed: ONE, written: TWO }, ['not-written', 'not-deployed']],
] as const)('where %s', (_, known, wanted) => {
  expect(kinds(known)).toEqual(wanted);
});

it('says what to do', () => {
  const textOf = (written: string | null) =>
    projectionNotices({ deployed: ONE, written }).map(({ text }) => text);

  expect(textOf(TWO)).toEqual([
    'The twin was written by another projection. Run `ferry backfill --reproject`.',
  ]);
  // Nothing was projected before: a plain backfill does it.
  expect(textOf(null).join()).toContain('Run `ferry backfill`.');
});

it('tells what the tables make of a projection, and nothing else of them', () => {
  const says = 'The projection drops "day", which is a key of the index by.';
  const advice = 'The twin has no items in that index.';

  expect(
    tableNotices([
      { severity: 'warning', subject: 'projection-index', says, advice },
      { severity: 'warning', subject: 'occupied', says: 'It has items.', advice: 'Look.' },
    ]),
  ).toEqual([{ kind: 'tables', text: `${says} ${advice}` }]);
});
