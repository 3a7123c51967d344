// What a verify has found, for people or for machines.

import { itemJson } from '../model/attribute-value.ts';
import { otherName } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Paused } from '../model/control-row.ts';
import { utcTime } from '../status/pause.ts';
import type { ProjectionNotice } from '../status/projection-findings.ts';
import type { Difference } from '../verify/confirm-differences.ts';
import type { Judged } from '../verify/judge-both.ts';
import type { Side } from '../verify/segment-join.ts';
import { differences, type VerifyReport } from '../verify/verify.ts';
import { type Call, printResult } from './call.ts';
import { counted, grouped } from './output.ts';
import { figures, memoryRow, peakMemoryMiB, type Row } from './rows.ts';
import { sampleFacts, sampleLines } from './verify-sample.ts';
import type { Scope } from './verify-scope.ts';

export type Shown = Difference & Partial<Judged>;

export interface Verified extends Call {
  readonly scope: Scope;
  readonly report: VerifyReport;
  readonly shown: readonly Shown[];
  /** The pause in which it was compared. */
  readonly paused?: Paused | undefined;
  /** Digest of the projection that it was compared by. */
  readonly projection?: string | undefined;
  readonly notices?: readonly ProjectionNotice[];
  /** Of the report; absent where none has been written. */
  readonly path: string | undefined;
}

export function printVerified(verified: Verified): void {
  const { report, path, scope, paused, projection, notices = [] } = verified;
  printResult(
    verified,
    {
      equal: isProvedEqual(verified),
      pausedSince: paused === undefined ? null : utcTime(paused.sinceMs),
      ...report,
      scope: scope.kind,
      ...(scope.kind === 'key' ? { found: !isNothing(report) } : {}),
      ...sampleFacts(verified),
      projection: projection ?? null,
      projectionNotices: notices,
      report: path,
      peakMemoryMiB: peakMemoryMiB(),
    },
    [
      // Of a single item, the counts say nothing that the verdict does not.
      ...(scope.kind === 'key' ? [] : figures(rows(verified))),
      ...listed(verified),
      ...verdict(verified),
      ...strayLines(verified),
      ...sampleLines(verified),
      ...lettersFirst(verified),
      ...notices.map(({ text }) => text),
    ],
  );
}

function rows({ report, projection }: Verified): Row[] {
  const readUnits = report.sourceReadUnits + report.destinationReadUnits;
  return [
    ...(projection === undefined
      ? [['items of the source', grouped(report.items)] as const]
      : [
          ['items of the source, kept', grouped(report.items)] as const,
          ['left out', grouped(report.leftOut)] as const,
        ]),
    ['items of the destination', grouped(report.destinationItems)],
    ['missing', grouped(report.missing)],
    ['different', grouped(report.different)],
    ['extraneous', grouped(report.extraneous)],
    ['in flight', grouped(report.inFlight)],
    ...(report.strays === undefined ? [] : [['strays', grouped(report.strays)] as const]),
    ['expired, on one side only', grouped(report.expired)],
    ['unreadable', grouped(report.unreadable)],
    ['read capacity', `${grouped(Math.round(readUnits))} RCU`],
    memoryRow(),
  ];
}

function listed({ replication, report, shown, path }: Verified): string[] {
  const more = differences(report) - shown.length;
  const where = path === undefined ? '--report FILE writes them to a report' : `see ${path}`;
  const rest = more > 0 && shown.length > 0 ? [`${grouped(more)} more: ${where}.`] : [];
  return [...shown.map((one) => describe(one, replication)), ...rest];
}

function describe(
  { kind, key, attributes, home, strays = [] }: Shown,
  replication: ReplicationConfig,
): string {
  const regionOf = (side: Side) => replication[side].region;
  const notes = [
    ...(home === undefined ? [] : [`at home in ${regionOf(home)}`]),
    ...(strays.length === 0 ? [] : [`stray in ${strays.map(regionOf).join(' and ')}`]),
  ];
  const which = attributes.length === 0 ? '' : `: ${attributes.join(', ')}`;
  return `${kind} ${itemJson(key)}${which}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
}

/** What an application has written where its writes are not replicated. */
function strayLines({ replication: { twoWay }, report: { strays = 0 } }: Verified): string[] {
  if (twoWay === undefined || strays === 0) return [];
  const are = strays === 1 ? 'One of them is a stray' : `${grouped(strays)} of them are strays`;
  return [
    twoWay.mode === 'home'
      ? `${are}: an application has written the item in the Region that is not its home. A repair replaces it by the item of its home.`
      : `${are}: an application has written the item without the plug-in. A repair lets it lose against an item that is stamped, or with --keep-strays stamps it.`,
  ];
}

const WHAT = {
  key: 'items',
  sample: 'sampled segments of the tables',
  everything: 'tables',
} as const;

function verdict({ replication, report, path, scope, paused }: Verified): readonly string[] {
  const found = differences(report);
  const open = report.inFlight + report.unreadable;
  if (isNothing(report)) return NOTHING[scope.kind];
  if (found + open === 0) return [equality(report, scope)];
  const differ =
    scope.kind === 'key'
      ? 'The items differ.'
      : `The ${WHAT[scope.kind]} differ in ${counted(found, 'item')}.`;
  const where = path === undefined ? '' : ` They are listed in ${path}.`;
  return [
    ...(found === 0
      ? []
      : [`${differ} ${paused === undefined ? nextStep(path, replication) : pauseNote(paused)}`]),
    ...(open === 0
      ? []
      : [
          `${counted(open, 'item')} kept changing or cannot be read, so the comparison is undecided.${where}`,
        ]),
  ];
}

function equality(report: VerifyReport, { kind }: Scope): string {
  if (kind === 'key' && report.leftOut > 0)
    return 'The projection leaves the item out, and the twin does not have it.';
  return kind === 'key' && report.expired > 0
    ? 'The item has expired, and only one table still has it. DynamoDB will delete it.'
    : `The ${WHAT[kind]} are equal.`;
}

const NOTHING = {
  key: ['Neither table has an item with this key, so nothing was compared. Check the key.'],
  sample: [
    'The sampled segments are empty, so nothing was compared and nothing is proved.',
    'Run the command without --sample to compare everything.',
  ],
  everything: ['The tables are equal: both are empty.'],
} as const;

/** A repair would only write earlier what the replication writes. */
function pauseNote({ sinceMs }: Paused): string {
  return `The replication is paused since ${utcTime(sinceMs)}, so later writes are expected to differ until \`ferry resume --apply\`. Then run \`ferry verify\` again.`;
}

/** A repair reads both items again, and a redrive may have made them equal. While paused, both wait. */
function lettersFirst({ report, paused }: Verified): string[] {
  if (differences(report) === 0 || paused !== undefined) return [];
  return ['If `ferry status` shows dead letters, run `ferry redrive` first.'];
}

function nextStep(path: string | undefined, replication: ReplicationConfig): string {
  if (path === undefined) return 'With --report FILE, verify writes a report for `ferry repair`.';
  const { twoWay, source } = replication;
  const step = `\`ferry repair --report ${path}\` shows what a repair would change.`;
  if (twoWay?.mode !== 'home') return step;
  const other = otherName(replication);
  return `${step} It is about the items at home in ${source.region}. \`ferry repair --replication ${other} --report ${path}\` is about the others.`;
}

/** Whether no item was met on either side. */
function isNothing(report: VerifyReport): boolean {
  const { items, destinationItems, leftOut, inFlight, unreadable, expired } = report;
  const others = leftOut + inFlight + unreadable + expired;
  return items + destinationItems + differences(report) + others === 0;
}

/**
 * Whether nothing is different, and nothing undecided, in what was compared. Where nothing was met, only a
 * comparison of everything proves anything: that both tables are empty.
 */
export function isProvedEqual({ report, scope }: Pick<Verified, 'report' | 'scope'>): boolean {
  if (isNothing(report)) return scope.kind === 'everything';
  return differences(report) + report.inFlight + report.unreadable === 0;
}
