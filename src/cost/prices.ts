// List prices of AWS by Region, from prices.json or from a file of the same form. What has no price there is never
// guessed.

import { UsageError } from '../errors.ts';
import listed from './prices.json' with { type: 'json' };

/** What AWS counts, and how many of it a price is for. */
const AMOUNT_OF = {
  millionWriteUnits: 1e6,
  millionReadUnits: 1e6,
  storageGBMonth: 1,
  backupGBMonth: 1,
  millionStreamReads: 1e6,
  millionCaptureUnits: 1e6,
  millionFunctionRequests: 1e6,
  millionGBSecondsArm: 1e6,
  millionGBSecondsX86: 1e6,
  millionQueueRequests: 1e6,
  alarmMonth: 1,
  compositeAlarmMonth: 1,
  dashboardMonth: 1,
  metricMonth: 1,
  logGB: 1,
  logGBMonth: 1,
  thousandTransitions: 1e3,
  keyMonth: 1,
  tenThousandKeyRequests: 1e4,
  shardHour: 1,
  millionPayloadUnits: 1e6,
  streamHour: 1,
  streamInGB: 1,
  streamOutGB: 1,
  transferGB: 1,
} as const;

export type PriceName = keyof typeof AMOUNT_OF;

interface RegionPrices {
  /** On which the prices were read. */
  readonly date: string;
  /** In US dollars, without free tiers, for the first tier of each. */
  readonly prices: Readonly<Partial<Record<PriceName, number>>>;
}

export type Prices = Readonly<Record<string, RegionPrices>>;

export const LISTED: Prices = listed.regions;
/** The public pages. */
export const SOURCES: readonly string[] = listed.source;

/** In US dollars; undefined where the Region has no such price. @throws Error where the Region is not known. */
export function dollarsFor(
  { amount, price, region }: { amount: number; price: PriceName; region: string },
  all: Prices,
): number | undefined {
  const { prices } = all[region] ?? unknown(region);
  const one = prices[price];
  return one === undefined ? undefined : (amount / AMOUNT_OF[price]) * one;
}

function unknown(region: string): never {
  throw new Error(`What costs ${region}?`);
}

/** @throws UsageError where one of the Regions has no prices. */
export function requirePrices(regions: readonly string[], all: Prices): void {
  const missing = [...new Set(regions)].filter((region) => all[region] === undefined);
  if (missing.length === 0) return;
  throw new UsageError(
    `Ferry has no prices of ${missing.join(' and ')}. It knows ${Object.keys(all).join(', ')}.`,
    {
      code: 'cost.unknown-region',
      hint: 'Write the prices of the Region into a file like src/cost/prices.json, and name it with --prices.',
    },
  );
}

/** Those of a file come first. @throws UsageError with everything that is wrong with them. */
export function withOwnPrices(own: unknown, path: string): Prices {
  const { regions } = isObject(own) ? own : {};
  const given = isObject(regions) ? Object.entries(regions) : [];
  const problems = given.length === 0 ? ['"regions" must have at least one Region'] : [];
  const read = given.map(([region, value]) => [region, regionOf(region, value, problems)] as const);
  if (problems.length > 0)
    throw new UsageError(`${path} is not a file of prices: ${problems.join('; ')}.`, {
      code: 'cost.prices',
      hint: 'src/cost/prices.json shows the form: { "regions": { REGION: { "date", "prices": { NAME: dollars } } } }.',
    });
  return { ...LISTED, ...Object.fromEntries(read) };
}

function regionOf(region: string, value: unknown, problems: string[]): RegionPrices {
  const { date, prices } = isObject(value) ? value : {};
  if (typeof date !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(date))
    problems.push(`${region}.date must be a day such as 2026-10-01, got ${JSON.stringify(date)}`);
  const given = isObject(prices) ? Object.entries(prices) : [];
  for (const [name, price] of given) {
    if (!Object.hasOwn(AMOUNT_OF, name)) problems.push(`${region} has an unknown price "${name}"`);
    else if (typeof price !== 'number' || price < 0)
      problems.push(`${region}.${name} must be a number of dollars, got ${JSON.stringify(price)}`);
  }
  if (given.length === 0) problems.push(`${region}.prices must have at least one price`);
  const known = LISTED[region]?.prices ?? {};
  return { date: String(date), prices: { ...known, ...Object.fromEntries(given) } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
