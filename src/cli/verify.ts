// `ferry verify`: prove that both tables are equal, or list exactly what is different.

import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { checkControl } from '../composition/control.ts';
import { openTablePair, type TablePair, timeToLiveOf } from '../composition/table-pair.ts';
import type { ReplicationConfig } from '../config/config.ts';
import type { Paused } from '../model/control-row.ts';
import { differenceLine, mentionLine } from '../verify/difference-report.ts';
import { UsageError } from '../errors.ts';
import type { Difference } from '../verify/confirm-differences.ts';
import { pacedReader } from '../pacing/paced-reader.ts';
import { paceOf } from '../pacing/pace.ts';
import { verify, type VerifyContext, verifyKey, type VerifyReport } from '../verify/verify.ts';
import { bulkOption, requireBulkRates } from './bulk.ts';
import type { Command, ParsedOptions } from './command.ts';
import { keyFrom, keyOption, requireKeyOf } from './key-option.ts';
import { counted, EXIT, grouped, type Io } from './output.ts';
import { progressReporter } from './progress.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { createReportFile, noReportFile, type ReportFile } from './report-file.ts';
import { percentOf } from './segments.ts';
import { explained } from './service-errors.ts';
import { requireShortLooks, SHOWN_MAX, verifyInBulk } from './verify-bulk.ts';
import { differences, isProvedEqual, printVerified } from './verify-result.ts';
import { announceScope } from './verify-sample.ts';
import { reportPath, requireOneScope, type Scope, scopeOf } from './verify-scope.ts';

export const verifyCommand: Command = {
  name: 'verify',
  options: {
    ...replicationOptions,
    sample: {
      value: 'PERCENT',
      help: 'compare parts of the tables that are chosen at random, such as 1%; everything where that costs no more',
    },
    key: keyOption('compare only the item with this key'),
    report: {
      value: 'FILE',
      help: 'where all differences go, for `ferry repair` (default ferry-NAME-differences.jsonl, of a sample ferry-NAME.sample-differences.jsonl, of --key none)',
    },
    values: { help: 'put the contents of differing items into the report, too' },
    settle: {
      value: 'SECONDS',
      range: [0, 3_600],
      default: '10',
      help: 'time between the two looks: more than the twin is behind',
    },
    bulk: bulkOption,
    workers: {
      value: 'N',
      range: [1, 1_000],
      default: '4',
      help: 'segments of the tables in progress at the same time',
    },
    'read-units': {
      value: 'PER_SECOND',
      range: [1, 10_000_000],
      help: 'read capacity to use at most, on each side',
    },
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const key = keyFrom(options);
    const percent = percentOf(options);
    requireOneScope(options);
    requireBulkRates(options);
    requireShortLooks(options);
    requireReportOfValues(options);
    const replication = replicationFrom(options.text('config') ?? '', options);
    return explained({ hint: HINT, replications: [replication] }, async () => {
      const pair = await openTablePair({ replication, concurrency: 1, writes: false });
      try {
        const retries = { clock: systemClock, random: systemRandom, stop: io.interrupted };
        const control = await checkControl(pair, retries);
        const wanted = key && requireKeyOf(pair.facts.source.keys, key);
        const scope = scopeOf({ options, key: wanted, percent, facts: pair.facts }, systemRandom);
        announceScope(scope, io);
        return await compare({ options, io, replication, pair, scope, paused: control?.paused });
      } finally {
        pair.close();
      }
    });
  },
};

const HINT = 'Nothing was changed.';

/** @throws UsageError where no report is written that could hold the values. */
function requireReportOfValues(options: ParsedOptions): void {
  const isReported = options.text('key') === undefined || options.text('report') !== undefined;
  if (!options.has('values') || isReported) return;
  throw new UsageError(
    '--values puts item contents into the report, and --key writes no report without --report.',
    { code: 'usage.options', hint: 'Add --report FILE, or leave out --values.' },
  );
}

interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly pair: TablePair;
  readonly scope: Scope;
  /** As it was at the beginning. */
  readonly paused: Paused | undefined;
}

async function compare(call: Call): Promise<number> {
  const { options, io, replication, scope } = call;
  const named = options.text('report');
  const path = reportPath(scope.kind, { named, replication: replication.name });
  const file = path === undefined ? noReportFile() : createReportFile(path, headerOf(call));
  const shown: Difference[] = [];
  const context = contextOf(call, { file, shown });
  try {
    const report = await lookFor(call, { context, file, shown });
    file.finish({ ...report });
    printVerified({ ...call, report, shown, path });
    return isProvedEqual({ report, scope }) ? EXIT.done : EXIT.differences;
  } catch (error) {
    if (error !== io.interrupted.reason) throw error;
    io.err(`Stopped: nothing is proved.${whatIsLeft(options, file)}`);
    return EXIT.differences;
  }
}

function headerOf({ replication: { name, source, destination }, scope }: Call) {
  return {
    ferry: 'differences' as const,
    replication: name,
    source: `${source.region}/${source.table}`,
    destination: `${destination.region}/${destination.table}`,
    startedAt: new Date(systemClock.now()).toISOString(),
    scope: scope.kind,
  };
}

function whatIsLeft(options: ParsedOptions, { partPath }: ReportFile): string {
  if (options.has('bulk')) return ' The bulk run goes on; stop it in Step Functions.';
  return partPath === undefined ? '' : ` What was found so far is in ${partPath}.`;
}

interface Findings {
  readonly context: VerifyContext;
  readonly file: ReportFile;
  readonly shown: Difference[];
}

function lookFor(call: Call, findings: Findings): Promise<VerifyReport> {
  const { options, scope } = call;
  const { context } = findings;
  if (scope.kind === 'key') return verifyKey(scope.key, context);
  const work = { ...call, ...scanOf(call, scope) };
  return options.has('bulk') ? verifyInBulk(work, findings) : verify(context, work);
}

function contextOf(
  { options, io, pair }: Call,
  { file, shown }: { file: ReportFile; shown: Difference[] },
): VerifyContext {
  const retries = { clock: systemClock, random: systemRandom, stop: io.interrupted };
  const pace = () => paceOf(options.integer('read-units') ?? Infinity, systemClock);
  const values = options.has('values');
  return {
    ...retries,
    source: pacedReader(pair.source, pace(), retries),
    destination: pacedReader(pair.twin, pace(), retries),
    reservedAttribute: pair.rules.reservedAttribute,
    timeToLive: timeToLiveOf(pair),
    settleMs: 1000 * (options.integer('settle') ?? 0),
    onDifference(difference) {
      if (shown.length < SHOWN_MAX) shown.push(difference);
      file.add(differenceLine(difference, { values }));
    },
    onInFlight: (key) => file.add(mentionLine('in-flight', key)),
    onUnreadable: (key) => file.add(mentionLine('unreadable', key)),
  };
}

function scanOf({ options, io, pair }: Call, scope: Exclude<Scope, { kind: 'key' }>) {
  const { segments, totalSegments } = scope;
  const report = progressReporter(io, systemClock, 'items');
  const expected = (pair.facts.source.items * segments.length) / totalSegments;
  const onProgress = (now: VerifyReport) =>
    report({
      done: now.items,
      expected: Math.round(expected),
      facts: [
        counted(differences(now), 'difference'),
        `${grouped(Math.round(now.sourceReadUnits + now.destinationReadUnits))} read units`,
      ],
    });
  return { segments, totalSegments, workers: options.integer('workers') ?? 1, onProgress };
}
