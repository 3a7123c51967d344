// What a verify has found, for people or for machines.

import type { ReplicationConfig } from '../config/config.ts';
import { itemJson } from '../model/attribute-value.ts';
import type { Paused } from '../model/control-row.ts';
import { utcTime } from '../status/pause.ts';
import type { Difference } from '../verify/confirm-differences.ts';
import type { VerifyReport } from '../verify/verify.ts';
import type { ParsedOptions } from './command.ts';
import { alignedRows, counted, grouped, type Io } from './output.ts';
import { peakMemoryMiB } from './progress.ts';
import { sampleFacts, sampleLines } from './verify-sample.ts';
import type { Scope } from './verify-scope.ts';

export function differences({ missing, different, extraneous }: VerifyReport): number {
  return missing + different + extraneous;
}

export interface Verified {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  /** What was compared. */
  readonly scope: Scope;
  readonly report: VerifyReport;
  readonly shown: readonly Difference[];
  /** The pause in which it was compared. */
  readonly paused?: Paused | undefined;
  /** Of the report; absent where none has been written. */
  readonly path: string | undefined;
}

export function printVerified(verified: Verified): void {
  const { options, io, replication, report, path, scope, paused } = verified;
  const peak = peakMemoryMiB();
  if (options.has('json')) {
    const equal = isProvedEqual(verified);
    const found = scope.kind === 'key' ? { found: !isNothing(report) } : {};
    const facts = { scope: scope.kind, ...found, ...sampleFacts(verified) };
    const pausedSince = paused === undefined ? null : utcTime(paused.sinceMs);
    const result = { replication: replication.name, equal, pausedSince, ...report, ...facts };
    io.out(JSON.stringify({ ...result, report: path, peakMemoryMiB: peak }));
    return;
  }
  // Of a single item, the counts say nothing that the verdict does not.
  if (scope.kind !== 'key') for (const line of alignedRows(rows(report, peak))) io.out(line);
  for (const line of listed(verified)) io.out(line);
  const last = [...verdict(verified), ...sampleLines(verified), ...lettersFirst(verified)];
  for (const line of last) io.out(line);
}

function rows(report: VerifyReport, peak: number) {
  const readUnits = report.sourceReadUnits + report.destinationReadUnits;
  return [
    ['items of the source', grouped(report.items)],
    ['items of the destination', grouped(report.destinationItems)],
    ['missing', grouped(report.missing)],
    ['different', grouped(report.different)],
    ['extraneous', grouped(report.extraneous)],
    ['in flight', grouped(report.inFlight)],
    ['expired, on one side only', grouped(report.expired)],
    ['unreadable', grouped(report.unreadable)],
    ['read units of both scans', grouped(Math.round(readUnits))],
    ['peak memory', `${peak} MiB`],
  ] as const;
}

function listed({ report, shown, path }: Verified): string[] {
  const more = differences(report) - shown.length;
  const where = path === undefined ? 'with --report FILE, they go into a report' : `in ${path}`;
  const rest = more > 0 && shown.length > 0 ? [`${grouped(more)} more: ${where}.`] : [];
  return [...shown.map(describe), ...rest];
}

function describe({ kind, key, attributes }: Difference): string {
  return `${kind} ${itemJson(key)}${attributes.length === 0 ? '' : `: ${attributes.join(', ')}`}`;
}

const WHAT = {
  key: 'items',
  sample: 'sampled parts of the tables',
  everything: 'tables',
} as const;

function verdict({ report, path, scope, paused }: Verified): readonly string[] {
  const found = differences(report);
  const open = report.inFlight + report.unreadable;
  if (isNothing(report)) return NOTHING[scope.kind];
  if (found + open === 0) return [equality(report, scope)];
  return [
    ...(found === 0
      ? []
      : [
          `${scope.kind === 'key' ? 'The items differ' : `The ${WHAT[scope.kind]} differ in ${counted(found, 'item')}`}${paused === undefined ? nextStep(path) : pauseNote(paused)}`,
        ]),
    ...(open === 0
      ? []
      : [
          `Nothing can be said of ${counted(open, 'item')} that kept changing or cannot be read${path === undefined ? '' : `, listed in ${path}`}.`,
        ]),
  ];
}

function equality(report: VerifyReport, { kind }: Scope): string {
  return kind === 'key' && report.expired > 0
    ? 'The item has expired, and only one table still has it: DynamoDB will remove it.'
    : `The ${WHAT[kind]} are equal.`;
}

const NOTHING = {
  key: ['Neither table has an item with this key: nothing was compared. Check the key.'],
  sample: [
    'The sampled parts of the tables are empty: nothing was compared, and nothing is proved.',
    'Leave out --sample to compare everything.',
  ],
  everything: ['The tables are equal: both are empty.'],
} as const;

/** A repair would only do early what the replication does. */
function pauseNote({ sinceMs }: Paused): string {
  return `. The replication is paused since ${utcTime(sinceMs)}: differences by later writes are expected until \`ferry resume --apply\`. Then run \`ferry verify\` again.`;
}

/** A repair reads both items again, and a redrive may have made them equal. While paused, both wait. */
function lettersFirst({ report, paused }: Verified): string[] {
  if (differences(report) === 0 || paused !== undefined) return [];
  return ['If dead letters wait, run `ferry redrive` first: see `ferry status`.'];
}

function nextStep(path: string | undefined): string {
  return path === undefined ? REPORT_FIRST : repairOf(path);
}

const REPORT_FIRST = '. With --report FILE, it makes a report for `ferry repair`.';

function repairOf(path: string): string {
  return `; \`ferry repair --report ${path}\` shows what it would do.`;
}

/** Whether no item was met on either side. */
function isNothing(report: VerifyReport): boolean {
  const { items, destinationItems, inFlight, unreadable, expired } = report;
  return items + destinationItems + differences(report) + inFlight + unreadable + expired === 0;
}

/**
 * Whether nothing is different, and nothing undecided, in what was compared. Where nothing was met, only a
 * comparison of everything proves anything: that both tables are empty.
 */
export function isProvedEqual({ report, scope }: Pick<Verified, 'report' | 'scope'>): boolean {
  if (isNothing(report)) return scope.kind === 'everything';
  return differences(report) + report.inFlight + report.unreadable === 0;
}
