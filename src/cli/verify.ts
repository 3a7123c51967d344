// `ferry verify`: prove that both tables are equal, or list exactly what is different.

import { deployedProjection } from '../aws/deployed-function.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { checkControl } from '../composition/control.ts';
import { givenName } from '../config/directions.ts';
import { operatorProjection } from '../composition/open-projection.ts';
import { compareContext, retriesUntil } from '../composition/pair-work.ts';
import { openTablePair } from '../composition/table-pair.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { ControlRow, Paused } from '../model/control-row.ts';
import {
  type ProjectionNotice,
  projectionNotices,
  tableNotices,
} from '../status/projection-findings.ts';
import { differenceLine, mentionLine } from '../verify/difference-report.ts';
import {
  differences,
  verify,
  type VerifyContext,
  verifyKey,
  type VerifyReport,
} from '../verify/verify.ts';
import { wrongOption } from './arguments.ts';
import { requireBulkRates } from './bulk.ts';
import { type Call, exitCode, type PairCall, untilInterrupted, withOpen } from './call.ts';
import type { Command, ParsedOptions } from './command.ts';
import { keyFrom, keyOption, requireKeyOf } from './key-option.ts';
import { counted, EXIT, grouped } from './output.ts';
import { progressReporter } from './progress.ts';
import { severalOptions } from './replication.ts';
import { createReportFile, noReportFile, type ReportFile } from './report-file.ts';
import { percentOption } from './percent-option.ts';
import { onReplications } from './several.ts';
import { type Findings, requireShortLooks, SHOWN_MAX, verifyInBulk } from './verify-bulk.ts';
import { isProvedEqual, printVerified, type Shown } from './verify-result.ts';
import { announceScope } from './verify-sample.ts';
import { reportPath, requireOneScope, type Scope, scopeOf } from './verify-scope.ts';
import {
  bulkOption,
  settleMsOf,
  settleOption,
  unitsOption,
  workersOf,
  workersOption,
} from './work-options.ts';

export const verifyCommand: Command = {
  name: 'verify',
  options: {
    ...severalOptions,
    sample: {
      value: 'PERCENT',
      help: 'compare randomly chosen segments of the tables, for example 1%; compares everything if that costs no more',
    },
    key: keyOption('compare only the item with this key'),
    report: {
      value: 'FILE',
      help: 'file for all differences, which `ferry repair` reads (default ferry-NAME-differences.jsonl; with --sample ferry-NAME.sample-differences.jsonl; with --key none)',
    },
    values: { help: 'also write the attribute values of different items to the report' },
    settle: settleOption('time between the two reads of a difference'),
    bulk: bulkOption,
    workers: workersOption('table segments to compare at the same time'),
    'read-units': unitsOption('maximum read capacity to use on each side, in RCU'),
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const key = keyFrom(options);
    const percent = percentOption('sample', options, 0.1) ?? 100;
    requireOneScope(options);
    requireBulkRates(options);
    requireShortLooks(options);
    requireReportOfValues(options);
    const run = (call: Call) => {
      const { replication, sides, lease } = call;
      const setup = { replication, sides, concurrency: 1, writes: false, lease };
      const opening = operatorProjection(replication, sides.source).then((projection) =>
        openTablePair({ ...setup, projection }),
      );
      return withOpen(opening, async (pair) => {
        const control = await checkControl(pair, retriesUntil(io.interrupted));
        const wanted = key && requireKeyOf(pair.facts.source.keys, key);
        const scope = scopeOf({ options, key: wanted, percent, facts: pair.facts }, systemRandom);
        announceScope(scope, call.io);
        const notices = await noticesOf({ ...call, pair }, control);
        return compare({ ...call, pair, scope, paused: control?.paused, notices });
      });
    };
    // A role that may start the state machine may start a backfill, too.
    const changes = options.has('bulk');
    const work = { hint: HINT, run, changes, direction: 'active' as const };
    return onReplications({ options, io }, { ...work, forOne: ['key', 'report'] });
  },
};

const HINT = 'Nothing was changed.';

/** @throws UsageError where no report is written that could hold the values. */
function requireReportOfValues(options: ParsedOptions): void {
  const isReported = options.text('key') === undefined || options.text('report') !== undefined;
  if (!options.has('values') || isReported) return;
  throw wrongOption(
    '--values writes attribute values to the report, and --key writes no report without --report.',
    'Add --report FILE, or leave out --values.',
  );
}

/** A replication that has never had a projection does not ask the function. */
async function noticesOf(
  { io, replication, sides, pair }: PairCall,
  control: ControlRow | undefined,
): Promise<readonly ProjectionNotice[]> {
  const file = pair.rules.projection?.digest ?? null;
  const written = control && (control.projection ?? null);
  if (file === null && (written ?? null) === null) return [];
  const ofTables = tableNotices(pair.facts.findings);
  try {
    const deployed = await deployedProjection(sides.source, replication.name);
    return [...ofTables, ...projectionNotices({ file, deployed: deployed?.digest, written })];
  } catch (error) {
    // The comparison does not need it.
    io.err(`The deployed projection is not known: ${whatHappened(error)}.`);
    return ofTables;
  }
}

interface VerifyCall extends PairCall {
  readonly notices: readonly ProjectionNotice[];
  readonly scope: Scope;
  /** As it was at the beginning. */
  readonly paused: Paused | undefined;
}

async function compare(call: VerifyCall): Promise<number> {
  const { options, io, replication, scope } = call;
  const named = options.text('report');
  const path = reportPath(scope.kind, { named, replication: givenName(replication) });
  const file = path === undefined ? noReportFile() : createReportFile(path, headerOf(call));
  const shown: Shown[] = [];
  const context = contextOf(call, { file, shown });
  const report = await untilInterrupted(io, () => lookFor(call, { context, file, shown }));
  if (report === undefined) {
    io.err(`Stopped. Nothing is proved.${whatIsLeft(options, file)}`);
    return EXIT.differences;
  }
  file.finish({ ...report });
  const projection = call.pair.rules.projection?.digest;
  printVerified({ ...call, report, shown, path, projection });
  return exitCode(isProvedEqual({ report, scope }));
}

function headerOf({ replication, direction, scope, pair }: VerifyCall) {
  const { source, destination } = replication;
  return {
    ferry: 'differences' as const,
    replication: givenName(replication),
    direction,
    source: `${source.region}/${source.table}`,
    destination: `${destination.region}/${destination.table}`,
    startedAt: new Date(systemClock.now()).toISOString(),
    scope: scope.kind,
    projection: pair.rules.projection?.digest,
  };
}

function whatIsLeft(options: ParsedOptions, { partPath }: ReportFile): string {
  if (options.has('bulk')) return ' The bulk run continues. You can stop it in Step Functions.';
  return partPath === undefined ? '' : ` The differences found so far are in ${partPath}.`;
}

function lookFor(
  call: VerifyCall,
  { context, ...findings }: Findings & { readonly context: VerifyContext },
): Promise<VerifyReport> {
  const { options, scope } = call;
  if (scope.kind === 'key') return verifyKey(scope.key, context);
  const work = { ...call, ...scanOf(call, scope) };
  return options.has('bulk') ? verifyInBulk(work, findings) : verify(context, work);
}

function contextOf({ options, io, pair }: VerifyCall, { file, shown }: Findings): VerifyContext {
  const readUnits = options.integer('read-units');
  const settleMs = settleMsOf(options);
  const values = options.has('values');
  return {
    ...compareContext(pair, { readUnits, settleMs }, retriesUntil(io.interrupted)),
    onDifference(difference) {
      if (shown.length < SHOWN_MAX) shown.push(difference);
      file.add(differenceLine(difference, { values }));
    },
    onInFlight: (key) => file.add(mentionLine('in-flight', key)),
    onUnreadable: (key, { reason }) => file.add(mentionLine('unreadable', key, reason)),
  };
}

function scanOf({ options, io, pair }: VerifyCall, scope: Exclude<Scope, { kind: 'key' }>) {
  const { segments, totalSegments } = scope;
  const report = progressReporter(io, systemClock, 'items');
  const expected = (pair.facts.source.items * segments.length) / totalSegments;
  const onProgress = (now: VerifyReport) =>
    report({
      done: now.items,
      expected: Math.round(expected),
      facts: [
        counted(differences(now), 'difference'),
        `${grouped(Math.round(now.sourceReadUnits + now.destinationReadUnits))} RCU`,
      ],
    });
  return { segments, totalSegments, workers: workersOf(options), onProgress };
}
