// Prices: what the file has, what one's own file can say, and what is refused.

import { describe, expect, it } from 'vitest';
import { LIST_PRICES } from '../../src/config/names.ts';
import {
  dollarsFor,
  LISTED,
  requirePrices,
  SOURCES,
  withOwnPrices,
} from '../../src/cost/prices.ts';

const HOME = { region: 'us-east-1', amount: 1 } as const;

it('the prices of us-east-1 are those of the dashboard and of the estimates of other commands', () => {
  const one = (price: Parameters<typeof dollarsFor>[0]['price']) =>
    dollarsFor({ ...HOME, price }, LISTED);

  expect(one('millionReadUnits')).toBeCloseTo(LIST_PRICES.readUnit, 12);
  expect(one('millionWriteUnits')).toBeCloseTo(LIST_PRICES.writeUnit, 12);
  expect(one('millionGBSecondsArm')).toBeCloseTo(LIST_PRICES.lambdaGBSecond, 12);
  expect(one('millionFunctionRequests')).toBeCloseTo(LIST_PRICES.lambdaRequest, 12);
});

it('each Region has a date, and each source is a public page of AWS', () => {
  for (const { date } of Object.values(LISTED)) expect(date).toMatch(/^2026-\d\d-\d\d$/);
  for (const page of SOURCES)
    expect(page).toMatch(
      /^https:\/\/aws\.amazon\.com\/[a-z0-9/-]+\/pricing\/|^https:\/\/aws\.amazon\.com\/[a-z0-9]+\/pricing\//,
    );
});

it('a Region without prices is refused, with those that are known', () => {
  expect(() => requirePrices(['us-east-1', 'sa-east-1', 'sa-east-1'], LISTED)).toThrow(
    'Ferry has no prices of sa-east-1. It knows us-east-1, us-west-2, eu-west-1, eu-central-1, ap-northeast-1.',
  );
  expect(() => requirePrices(['us-east-1', 'eu-central-1'], LISTED)).not.toThrow();
});

it('what a Region has no price for is not guessed', () => {
  const captured = { region: 'eu-west-1', amount: 1e6, price: 'millionCaptureUnits' } as const;

  expect(dollarsFor(captured, LISTED)).toBeUndefined();
  expect(() => dollarsFor({ ...captured, region: 'sa-east-1' }, LISTED)).toThrow('sa-east-1');
});

describe('own prices', () => {
  it('come before those of the list, and add Regions', () => {
    const own = withOwnPrices(
      {
        regions: {
          'sa-east-1': { date: '2026-11-01', prices: { millionWriteUnits: 0.94 } },
          'us-east-1': { date: '2026-11-02', prices: { millionWriteUnits: 0.5 } },
        },
      },
      'own.json',
    );

    expect(own['sa-east-1']).toEqual({ date: '2026-11-01', prices: { millionWriteUnits: 0.94 } });
    expect(own['us-east-1']?.date).toBe('2026-11-02');
    expect(own['us-east-1']?.prices).toMatchObject({
      millionWriteUnits: 0.5,
      millionReadUnits: 0.125,
    });
    expect(own['eu-west-1']).toEqual(LISTED['eu-west-1']);
  });

  it.each([
    [{}, '"regions" must have at least one Region'],
    [
      { regions: { a: { date: 'soon', prices: { alarmMonth: 1 } } } },
      'a.date must be a day such as 2026-10-01, got "soon"',
    ],
    [
      { regions: { a: { date: '2026-10-01', prices: {} } } },
      'a.prices must have at least one price',
    ],
    [
      { regions: { a: { date: '2026-10-01', prices: { alarm: 1 } } } },
      'a has an unknown price "alarm"',
    ],
    [
      { regions: { a: { date: '2026-10-01', prices: { alarmMonth: -1 } } } },
      'a.alarmMonth must be a number of dollars, got -1',
    ],
  ])('that are wrong are refused: %o', (value, problem) => {
    expect(() => withOwnPrices(value, 'own.json')).toThrow(
      `own.json is not a file of prices: ${problem}.`,
    );
  });
});
