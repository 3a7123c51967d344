// `ferry redrive`: lists failed records, and applies them again once the cause is removed.

import { streamOfTable } from '../aws/table-facts.ts';
import { canonicalKey, type Item } from '../model/attribute-value.ts';
import { wrongOption } from './arguments.ts';
import type { Call, Work } from './call.ts';
import { type Command, numberOption, type ParsedOptions } from './command.ts';
import { keyFrom, keyOption, requireKeyOf } from './key-option.ts';
import { pointInTime } from './point-in-time.ts';
import { yesOption } from './large-change.ts';
import { redriveInBulk, requireWholeBulk } from './redrive-bulk.ts';
import { redriveHere } from './redrive-here.ts';
import { printRedriven } from './redrive-result.ts';
import { severalOptions } from './replication.ts';
import { onReplications } from './several.ts';
import { lettersOptions, lookAgainOption, queueUrlOf, workersOption } from './work-options.ts';

export const redriveCommand: Command = {
  name: 'redrive',
  options: {
    ...severalOptions,
    apply: { help: 'apply the records again' },
    ...yesOption,
    reason: {
      value: 'NAME',
      help: 'only records that failed for this reason, for example ValidationException',
    },
    key: keyOption('only records of the item with this key'),
    'older-than': {
      value: 'TIME',
      help: 'only records that failed before this time: 90m, 12h or 3d ago, or a date',
    },
    'newer-than': {
      value: 'TIME',
      help: 'only records that failed after this time: 90m, 12h or 3d ago, or a date',
    },
    limit: {
      value: 'N',
      range: [1, 100_000_000],
      help: 'maximum number of records; without --apply, of items to list',
    },
    rate: numberOption(
      'RECORDS_PER_SECOND',
      [1, 100_000],
      'maximum records per second (default: no limit)',
    ),
    'hide-for': numberOption('SECONDS', [1, 43_200], 'visibility timeout of the messages', 300),
    ...lettersOptions(
      'the folder of `ferry run --letters`, in the place of the queue and the bucket',
    ),
    ...lookAgainOption,
    'without-source': {
      help: 'do not read the source, if its Region is lost; an older record can overwrite a copy or a repair',
    },
    direction: {
      value: 'out|back',
      help: 'of a replication with "switching": what was put aside in this direction (default: in the one whose source is active)',
    },
    bulk: {
      help: 'redrive the batches in the bucket on the deployed state machine (needs "bulk": true in the configuration)',
    },
    workers: workersOption('with --bulk: functions to run at the same time'),
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
    const queueUrl = queueUrlOf('queue-url', options);
    const lookAgainQueueUrl = queueUrlOf('look-again-queue-url', options);
    const run = async (named: Call) => {
      requireBothSides(named);
      if (key !== undefined) await requireKeyOfTable(key, named);
      const call = { ...named, queueUrl, lookAgainQueueUrl, filter };
      if (options.has('bulk')) return redriveInBulk(call);
      return printRedriven({ ...call, ...(await redriveHere(call)) });
    };
    // A switch may wait for the letters to be redriven.
    const mayWrite = 'unless-closing' as const;
    const work = { hint: HINT, run, direction: directionIn(options), mayWrite };
    return onReplications({ options, io }, { ...work, forOne: FOR_ONE });
  },
};

const HINT = 'Records that were not redriven are unchanged. Run the command again for them.';

const FOR_ONE = ['key', 'queue-url', 'bucket', 'look-again-queue-url'];

/** @throws UsageError where items are joined with what the source has. */
function requireBothSides({ options, replication: { name, twoWay } }: Call): void {
  if (twoWay?.mode !== 'stamped' || !options.has('without-source')) return;
  throw wrongOption(
    `--without-source cannot be used for ${name}: with stamped writes, a redrive makes both sides of an item equal.`,
    'Wait until both Regions can be reached. Until then, the records stay where they are.',
  );
}

function directionIn(options: ParsedOptions): Work['direction'] {
  const text = options.text('direction');
  if (text === undefined) return 'active';
  if (text === 'out' || text === 'back') return text;
  throw wrongOption(
    `--direction must be out or back, got "${text}".`,
    'out is from the source to the destination of the configuration.',
  );
}

/** Without this check, a wrong key would select nothing, and look like success. */
async function requireKeyOfTable(key: Item, { options, replication, sides }: Call): Promise<void> {
  const side = options.has('without-source') ? 'destination' : 'source';
  const found = await streamOfTable(sides[side], replication[side].table);
  // A missing table fails when it is opened.
  if (found !== undefined) requireKeyOf(found.keys, key);
}
