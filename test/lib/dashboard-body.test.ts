// How the tests of the dashboard read it: its body, and its metric math.

import { describe, expect, it } from 'vitest';
import { parseDashboardBody } from '../fixtures/dashboard/dashboard-body.ts';
import { evaluate } from '../fixtures/dashboard/metric-math.ts';

describe('metric math', () => {
  const series: Readonly<Record<string, ReadonlyArray<number | undefined>>> = {
    a: [1, undefined, 3],
    b: [10, 20, undefined],
    none: [undefined, undefined, undefined],
  };
  const find = (id: string) => series[id] ?? [];

  it.each([
    ['a', [1, undefined, 3]],
    ['7', [7, 7, 7]],
    ['a + b', [11, undefined, undefined]],
    ['b - a', [9, undefined, undefined]],
    ['a * 2', [2, undefined, 6]],
    ['b / 4', [2.5, 5, undefined]],
    ['b / 0', [undefined, undefined, undefined]],
    ['1 + a * 2', [3, undefined, 7]],
    ['(1 + a) * 2', [4, undefined, 8]],
    ['10 - 4 - 3', [3, 3, 3]],
    ['16 / 4 / 2', [2, 2, 2]],
    ['FILL(a, 0)', [1, 0, 3]],
    ['FILL(a, 0) + FILL(b, 0)', [11, 20, 3]],
    ['(FILL(a, 0) + FILL(b, 0)) * 0.5', [5.5, 10, 1.5]],
    ['MAX([a, b])', [10, 20, 3]],
    ['MAX([FILL(a, 0), FILL(b, 0)])', [10, 20, 3]],
    ['MAX([none, none])', [undefined, undefined, undefined]],
    ['FILL(none, 0) * 0.000000400002', [0, 0, 0]],
  ])('%s', (expression, expected) => {
    expect(evaluate(expression, find, 3)).toEqual(expected);
  });

  it.each(['RATE(a)', 'a +', '(a', 'FILL(a)', 'a b', 'MAX(a)', '[a, b]', 'a % 2', ''])(
    'refuses "%s", of which it knows nothing, by name',
    (expression) => {
      expect(() => evaluate(expression, find, 3)).toThrow(
        `Cannot evaluate the metric math "${expression}"`,
      );
    },
  );
});

describe('a dashboard in a template', () => {
  it('is read with names of resources in the place of what a deployment knows', () => {
    const property = {
      'Fn::Join': [
        '',
        ['{"widgets":"', { Ref: 'Fn1' }, ',', { 'Fn::GetAtt': ['Queue', 'Name'] }, '"}'],
      ],
    };

    expect(parseDashboardBody(property)).toEqual({ widgets: 'Fn1,Queue.Name' });
  });

  it('is refused where something else would be missing in the picture', () => {
    expect(() => parseDashboardBody({ 'Fn::Sub': '${X}' })).toThrow('cannot be resolved');
  });
});
