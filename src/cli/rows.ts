// Every table that a command prints: rows of cells -> aligned lines, and the rows that several results share.

import { servicesAt } from '../config/partition-services.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { dollars } from '../model/capacity.ts';
import { isSparkline } from '../status/sparkline.ts';
import { grouped, wrapped } from './output.ts';

export type Row = readonly [label: string, value: string];

const MARGIN = '  ';
const GAP = '  ';

/** Cells in columns, each as wide as its widest cell. @param align of each column. @default left */
export function columns(
  rows: ReadonlyArray<readonly string[]>,
  align: ReadonlyArray<'left' | 'right'> = [],
): string[] {
  const widths = (rows[0] ?? []).map((_, index) =>
    Math.max(...rows.map((cells) => (cells[index] ?? '').length)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return align[index] === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(GAP)
      .trimEnd(),
  );
}

/** Labels, and what each means. */
export function listed(rows: ReadonlyArray<readonly string[]>): string[] {
  return columns(rows).map((line) => MARGIN + line);
}

/** Labels, and their figures aligned to the right. */
export function figures(rows: readonly Row[]): string[] {
  return columns(rows, ['left', 'right']).map((line) => MARGIN + line);
}

/** Consumed capacity of both tables, and its price. @param prefix "about " for an estimate. */
export function capacityRows(
  { readUnits, writeUnits }: { readonly readUnits: number; readonly writeUnits: number },
  { replication, prefix = '' }: { readonly replication: Priced; readonly prefix?: string },
): Row[] {
  const cost = dollars({ read: readUnits, write: writeUnits });
  return [
    ['read capacity', `${prefix}${grouped(Math.round(readUnits))} RCU`],
    ['write capacity', `${prefix}${grouped(Math.round(writeUnits))} WCU`],
    ...costs(cost, replication).map((text): Row => ['cost', text]),
  ];
}

type Priced = Pick<ReplicationConfig, 'source' | 'destination'>;

/** Whether Ferry knows the list prices on both sides. */
export function knowsPrices({ source, destination }: Priced): boolean {
  return [source, destination].every(({ region }) => servicesAt(region).listPrices);
}

/** The text of a cost, or nothing where prices are not known. */
export function costs(amount: number, replication: Priced): string[] {
  return knowsPrices(replication) ? [money(amount)] : [];
}

export function memoryRow(): Row {
  return ['peak memory', `${peakMemoryMiB()} MiB`];
}

export function peakMemoryMiB(): number {
  return Math.ceil(process.resourceUsage().maxRSS / 1024);
}

/** A price at list prices. */
function money(amount: number): string {
  return amount < 0.01 ? 'under $0.01' : `about $${amount.toFixed(2)}`;
}

/** A label, a value, and a sparkline or a remark. */
export type RemarkRow = readonly [label: string, value: string, remark?: string];

/**
 * Rows on a terminal of so many columns: sparklines are left out if they do not fit, and what does not fit beside its
 * label gets lines of its own.
 */
export function rowsWithin(rows: readonly RemarkRow[], width: number): string[] {
  const whole = listed(rows.map(([label, value, remark = '']) => [label, value, remark]));
  const pairs = listed(rows.map(([label, value]) => [label, value]));
  const sparkWidth = Math.max(
    ...rows.map(([, , text = '']) => (isSparkline(text) ? text.length : 0)),
  );
  const pairWidth = Math.max(...pairs.map((line) => line.length));
  const isWide = pairWidth + GAP.length + sparkWidth <= width;
  return rows.flatMap(([label, value, remark = ''], index) => {
    const [line = '', pair = ''] = [whole[index], pairs[index]];
    if (isWide && line.length <= width) return [line];
    const own = (text: string) => indented(text, MARGIN + MARGIN, width);
    return [
      ...(pair.length <= width ? [pair] : [`${MARGIN}${label}`, ...own(value)]),
      ...(isSparkline(remark) ? [] : own(remark)),
    ];
  });
}

export function indented(text: string, margin: string, width: number): string[] {
  if (text === '') return [];
  return wrapped(text, width - margin.length).map((line) => margin + line);
}
