// What a verify has found, for people or for machines.

import type { ReplicationConfig } from '../config.ts';
import { type Item, itemJson } from '../core/attribute-value.ts';
import type { Difference } from '../operations/confirm-differences.ts';
import type { VerifyReport } from '../operations/verify.ts';
import type { ParsedOptions } from './command.ts';
import { alignedRows, grouped, type Io } from './output.ts';
import { peakMemoryMiB } from './progress.ts';

export function differences({ missing, different, extraneous }: VerifyReport): number {
  return missing + different + extraneous;
}

export interface Verified {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  /** Where only one item was looked at. */
  readonly key: Item | undefined;
  /** Part of the tables that was compared. */
  readonly percent: number;
  readonly report: VerifyReport;
  readonly shown: readonly Difference[];
  /** Of the report; absent where none has been written. */
  readonly path: string | undefined;
}

export function printVerified(verified: Verified): void {
  const { options, io, replication, report, shown, path, key } = verified;
  const peak = peakMemoryMiB();
  if (options.has('json')) {
    const result = { replication: replication.name, equal: isEqual(report), ...report };
    io.out(JSON.stringify({ ...result, report: path, peakMemoryMiB: peak }));
    return;
  }
  const rows = [
    ['items of the source', grouped(report.items)],
    ['items of the destination', grouped(report.destinationItems)],
    ['missing', grouped(report.missing)],
    ['different', grouped(report.different)],
    ['extraneous', grouped(report.extraneous)],
    ['in flight', grouped(report.inFlight)],
    ['expired, on one side only', grouped(report.expired)],
    ['unreadable', grouped(report.unreadable)],
    ['peak memory', `${peak} MiB`],
  ] as const;
  // Of a single item, the counts say nothing that the verdict does not.
  if (key === undefined) for (const line of alignedRows(rows)) io.out(line);
  for (const one of shown) io.out(describe(one));
  for (const line of verdict(verified)) io.out(line);
}

function describe({ kind, key, attributes }: Difference): string {
  return `${kind} ${itemJson(key)}${attributes.length === 0 ? '' : `: ${attributes.join(', ')}`}`;
}

function verdict({
  report,
  path,
  key,
  percent,
}: Pick<Verified, 'report' | 'path' | 'key' | 'percent'>): string[] {
  const found = differences(report);
  const open = report.inFlight + report.unreadable;
  const what =
    key === undefined ? (percent === 100 ? 'tables' : 'sampled parts of the tables') : 'items';
  if (isEqual(report)) return [`The ${what} are equal.`];
  return [
    ...(found === 0
      ? []
      : [
          `The ${what} differ in ${grouped(found)} item(s)${path === undefined ? REPORT_FIRST : repairOf(path)}`,
        ]),
    ...(open === 0
      ? []
      : [
          `Of ${grouped(open)} item(s) nothing can be said: they kept changing, or cannot be read.${path === undefined ? '' : ` They are listed in ${path}.`}`,
        ]),
  ];
}

const REPORT_FIRST = '. With --report FILE, it makes a report for `ferry repair`.';

function repairOf(path: string): string {
  return `; \`ferry repair --report ${path}\` shows what it would do.`;
}

/** Whether nothing is different, and nothing undecided. */
export function isEqual(report: VerifyReport): boolean {
  return differences(report) + report.inFlight + report.unreadable === 0;
}
