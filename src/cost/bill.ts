// What a month takes, line by line, and its price: parts, their sum, and which of them dominates.

import { dollarsFor, type PriceName, type Prices } from './prices.ts';

/** What CloudWatch shows of a deployment, to compare with the estimate. */
export type Measure =
  | 'twin write units'
  | 'state write units'
  | 'function requests'
  | 'function GB-seconds'
  | 'log GB'
  | 'twin GB';

/** So much of something, in a month. */
export interface Line {
  /** Of the bill. */
  readonly part: string;
  readonly what: string;
  readonly amount: number;
  readonly price: PriceName | 'free';
  readonly region: string;
  readonly measure?: Measure;
}

type Entry = readonly [
  what: string,
  amount: number,
  price: Line['price'],
  region: string,
  measure?: Measure | undefined,
];

export function linesOf(part: string, entries: readonly Entry[]): Line[] {
  return entries.map(([what, amount, price, region, measure]) => ({
    part,
    what,
    amount,
    price,
    region,
    ...(measure && { measure }),
  }));
}

interface PricedLine extends Line {
  /** Undefined where the Region has no such price. */
  readonly dollars: number | undefined;
}

export interface Part {
  readonly part: string;
  readonly dollars: number;
  readonly lines: readonly PricedLine[];
}

export interface Bill {
  /** In the order of the lines. */
  readonly parts: readonly Part[];
  readonly dollars: number;
  /** Lines that are not in the sum. */
  readonly unpriced: readonly Line[];
}

export function billOf(lines: readonly Line[], prices: Prices): Bill {
  const priced = lines.map((line) => ({ ...line, dollars: dollarsOf(line, prices) }));
  const names = [...new Set(lines.map(({ part }) => part))];
  const parts = names.map((part) => {
    const own = priced.filter((line) => line.part === part);
    return { part, dollars: sumOf(own), lines: own };
  });
  return {
    parts,
    dollars: sumOf(parts),
    unpriced: priced.filter(({ dollars }) => dollars === undefined),
  };
}

function dollarsOf({ price, ...line }: Line, prices: Prices): number | undefined {
  if (price === 'free' || line.amount === 0) return 0;
  return dollarsFor({ ...line, price }, prices);
}

export function sumOf(all: ReadonlyArray<{ readonly dollars: number | undefined }>): number {
  return all.reduce((sum, { dollars = 0 }) => sum + dollars, 0);
}

/** The largest part, and its share; undefined where nothing costs anything. */
export function dominant({ parts, dollars }: Bill): { part: string; share: number } | undefined {
  const [first] = parts.toSorted((a, b) => b.dollars - a.dollars);
  if (first === undefined || dollars === 0) return undefined;
  return { part: first.part, share: first.dollars / dollars };
}
