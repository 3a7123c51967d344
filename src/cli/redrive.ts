// `ferry redrive`: see what was put aside, and put it back once its cause is gone.

import { environmentEndpoint } from '../adapters/endpoints.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { openRedrive } from '../composition/redrive-context.ts';
import type { RedriveFilter } from '../core/parcel.ts';
import { canonicalKey, itemJson } from '../core/attribute-value.ts';
import type { ReplicationConfig } from '../config.ts';
import { UsageError } from '../errors.ts';
import { redrive } from '../operations/redrive.ts';
import type { RedriveReport } from '../operations/redrive-report.ts';
import type { Command, ParsedOptions } from './command.ts';
import { keyFrom } from './key-option.ts';
import { lookAgainOption, lookAgainUrl, urlOf } from './look-again-option.ts';
import { alignedRows, EXIT, grouped, type Io, progressBar } from './output.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { explained } from './service-errors.ts';

export const redriveCommand: Command = {
  name: 'redrive',
  options: {
    ...replicationOptions,
    apply: { help: 'do it' },
    reason: {
      value: 'NAME',
      help: 'only records put aside for this reason, such as ValidationException',
    },
    key: { value: 'JSON', help: 'only the item with this key: {"pk":"a"} or {"pk":{"S":"a"}}' },
    'older-than': {
      value: 'TIME',
      help: 'only what was put aside before: 90m, 12h, 3d ago, or a date',
    },
    'newer-than': {
      value: 'TIME',
      help: 'only what was put aside since: 90m, 12h, 3d ago, or a date',
    },
    limit: { value: 'N', range: [1, 100_000_000], help: 'records at most' },
    rate: {
      value: 'RECORDS_PER_SECOND',
      range: [1, 100_000],
      help: 'records per second at most; as many as the tables take if not given',
    },
    'hide-for': {
      value: 'SECONDS',
      range: [1, 43_200],
      default: '300',
      help: 'hide messages from others for so long',
    },
    'queue-url': { value: 'URL', help: 'the dead-letter queue, if it is not the deployed one' },
    bucket: { value: 'NAME', help: 'the on-failure bucket, if it is not the deployed one' },
    ...lookAgainOption,
    'without-source': {
      help: 'do not ask the source, because its Region is lost: a copy or a repair may be overwritten by an older letter',
    },
    json: { help: 'print the report as one line of JSON' },
  },
  async run(options, io) {
    const key = keyFrom(options);
    const filter = {
      reason: options.text('reason'),
      keyText: key && canonicalKey(key),
      parkedBeforeMs: pointInTime('older-than', options),
      parkedAfterMs: pointInTime('newer-than', options),
    };
    const replication = replicationFrom(options.text('config') ?? '', options);
    const queueUrl = urlOf('queue-url', options);
    const lookAgainQueueUrl = lookAgainUrl(options);
    const report = await explained({ hint: HINT, replications: [replication] }, () =>
      redriveWith({ options, io, replication, queueUrl, lookAgainQueueUrl, filter }),
    );
    const told = { apply: options.has('apply'), name: replication.name, json: options.has('json') };
    print(report, told, io);
    const { left, trimmed, unreadable, foreign, remaining } = report;
    const stay = left + trimmed + unreadable + foreign + remaining;
    return stay > 0 ? EXIT.differences : EXIT.done;
  },
};

const HINT = 'What was not finished is where it was: run it again for the rest.';

interface RedriveCall {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly queueUrl: string | undefined;
  readonly lookAgainQueueUrl: string | undefined;
  readonly filter: RedriveFilter;
}

async function redriveWith({
  options,
  io,
  replication,
  queueUrl,
  lookAgainQueueUrl,
  filter,
}: RedriveCall): Promise<RedriveReport> {
  const { context, ...opened } = await openRedrive({
    replication,
    queueUrl,
    bucket: options.text('bucket'),
    lookAgainQueueUrl,
    apply: options.has('apply'),
    withoutSource: options.has('without-source'),
    stop: io.interrupted,
    objectEndpoint: environmentEndpoint('S3', io.environment),
  });
  try {
    const expected = await context.queue.size();
    const report = await redrive(context, {
      apply: options.has('apply'),
      filter,
      limit: options.integer('limit') ?? Infinity,
      recordsPerSecond: options.integer('rate') ?? Infinity,
      hiddenSeconds: options.integer('hide-for') ?? 0,
      stop: io.interrupted,
      onProgress: ({ found, applied, superseded, failing }) => {
        const counts = `applied ${grouped(applied)}  superseded ${grouped(superseded)}  failing ${grouped(failing)}`;
        io.status(`${progressBar(found, expected)}  ${counts}`);
      },
    });
    return { ...report, sampleKeys: report.sampleKeys.map((key) => opened.keyOf(key)) };
  } finally {
    opened.close();
  }
}

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time back from now, or a date -> epoch milliseconds. */
function pointInTime(name: string, options: ParsedOptions): number | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = UNITS_MS[match?.[2] as keyof typeof UNITS_MS];
  const ms = match === null ? Date.parse(text) : systemClock.now() - Number(match[1]) * unit;
  if (!Number.isNaN(ms)) return ms;
  throw new UsageError(`--${name} must be a length of time or a date, got "${text}".`, {
    code: 'usage.options',
    hint: 'For example 90m, 12h, 3d or 2026-01-31T12:00:00Z.',
  });
}

function print(
  report: RedriveReport,
  { apply, name, json }: { apply: boolean; name: string; json: boolean },
  io: Io,
): void {
  if (json) {
    const sampleKeys = report.sampleKeys.map((key) => JSON.parse(itemJson(key)) as object);
    io.out(JSON.stringify({ replication: name, apply, ...report, sampleKeys }));
    return;
  }
  io.out(
    `${grouped(report.matched)} record(s) of ${name} put aside${apply ? '' : ', of which none was touched'}`,
  );
  for (const line of alignedRows(
    Object.entries(report.reasons).map(([reason, count]) => [reason, grouped(count)]),
  ))
    io.out(line);
  for (const line of apply ? outcomeLines(report) : outlook(report)) io.out(line);
}

/** What a dry run tells beside the reasons. */
function outlook(report: RedriveReport): string[] {
  const { oldestMs, newestMs, sampleKeys, matched } = report;
  const time = (ms: number | undefined) =>
    ms === undefined || ms === 0 ? 'unknown' : new Date(ms).toISOString();
  return [
    ...(matched === 0 ? [] : [`oldest ${time(oldestMs)}`, `newest ${time(newestMs)}`]),
    ...sampleKeys.map((key) => `for example ${itemJson(key)}`),
    ...leftInPlace(report),
    ...(matched === 0
      ? []
      : ['With --apply they go through the guard again: nothing newer is overwritten.']),
  ];
}

function outcomeLines(report: RedriveReport): string[] {
  const names = [
    'applied',
    'superseded',
    'coalesced',
    'skipped',
    'resynchronized',
    'failing',
    'left',
  ] as const;
  const failures = Object.entries(report.failures).map(
    ([name, count]) => `still failing with ${name}: ${grouped(count)}`,
  );
  return [
    ...alignedRows(names.map((name) => [name, grouped(report[name])])),
    ...failures,
    ...leftInPlace(report),
    ...(report.remaining === 0
      ? []
      : [`about ${grouped(report.remaining)} message(s) and object(s) remain`]),
  ];
}

/** What stays where it is, whatever the filter. */
function leftInPlace({ trimmed, unreadable, foreign }: RedriveReport): string[] {
  const rows = [
    [trimmed, 'batch(es) of which only sequence numbers are left, and the stream has no more'],
    [unreadable, 'message(s) or object(s) that are not dead letters'],
    [foreign, 'message(s) or record(s) of another replication or table'],
  ] as const;
  return rows.flatMap(([count, what]) => (count === 0 ? [] : [`${grouped(count)} ${what}`]));
}
