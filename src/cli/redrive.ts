// `ferry redrive`: see what was put aside, and put it back once its cause is gone.

import { systemClock } from '../aws/system-clock.ts';
import { streamOfTable } from '../aws/table-facts.ts';
import type { ReplicationConfig } from '../config/config.ts';
import { canonicalKey, type Item } from '../model/attribute-value.ts';
import { UsageError } from '../errors.ts';
import { redrive } from '../redrive/redrive.ts';
import type { Command, ParsedOptions } from './command.ts';
import { keyFrom, requireKeyOf } from './key-option.ts';
import { lookAgainOption, lookAgainUrl, urlOf } from './look-again-option.ts';
import { redriveInBulk, requireWholeBulk } from './redrive-bulk.ts';
import { type RedriveCall, withRedrive } from './redrive-here.ts';
import { redriveProgress } from './redrive-progress.ts';
import { printRedriven } from './redrive-result.ts';
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
    limit: {
      value: 'N',
      range: [1, 100_000_000],
      help: 'records at most; without --apply, so many items are listed',
    },
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
    bulk: {
      help: 'let the deployed state machine redrive the batches in the bucket ("bulk": true)',
    },
    workers: {
      value: 'N',
      range: [1, 1_000],
      default: '4',
      help: 'with --bulk: functions at the same time',
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
    requireWholeBulk(options);
    const replication = replicationFrom(options.text('config') ?? '', options);
    const queueUrl = urlOf('queue-url', options);
    const lookAgainQueueUrl = lookAgainUrl(options);
    const call = { options, io, replication, queueUrl, lookAgainQueueUrl, filter };
    return explained({ hint: HINT, replications: [replication] }, async () => {
      if (key !== undefined) await requireKeyOfTable(key, replication, options);
      return options.has('bulk') ? redriveInBulk(call) : redriveHere(call);
    });
  },
};

const HINT = 'What was not finished is where it was: run it again for the rest.';

/** With another key, a redrive would say that there is nothing to do. */
async function requireKeyOfTable(
  key: Item,
  { source, destination }: ReplicationConfig,
  options: ParsedOptions,
): Promise<void> {
  const place = options.has('without-source') ? destination : source;
  const found = await streamOfTable(place, place.table);
  // That a table is missing is said when it is opened.
  if (found !== undefined) requireKeyOf(found.keys, key);
}

async function redriveHere(call: RedriveCall): Promise<number> {
  const { io, options, replication, filter } = call;
  const redriven = await withRedrive(call, async (context, redriveOptions, outlook) => {
    const onProgress = await redriveProgress(context, io);
    return { report: await redrive(context, { ...redriveOptions, onProgress }), outlook };
  });
  const [apply, json] = [options.has('apply'), options.has('json')];
  return printRedriven({ io, name: replication.name, apply, json, filter, ...redriven });
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
