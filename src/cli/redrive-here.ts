// A redrive by this process, opened as the options say, with a list of items and their outcomes.

import { operatorProjection } from '../composition/open-projection.ts';
import { type OpenRedrive, openRedrive } from '../composition/redrive-context.ts';
import type { RedriveFilter } from '../model/failure-message.ts';
import type { RedrivenItem } from '../redrive/outcome.ts';
import { redrive } from '../redrive/redrive.ts';
import type { RedriveReport } from '../redrive/report.ts';
import { recordsInBucket, type Waiting } from '../redrive/waiting.ts';
import { type Call, withOpen } from './call.ts';
import { ITEMS_MAX, requireYes } from './large-change.ts';
import { grouped } from './output.ts';
import { checkProjection } from './run-needs.ts';
import { redriveProgress } from './redrive-progress.ts';
import type { Preview } from './redrive-result.ts';
import { lettersIn } from './work-options.ts';

export interface RedriveCall extends Call {
  readonly queueUrl: string | undefined;
  readonly lookAgainQueueUrl: string | undefined;
  readonly filter: RedriveFilter;
}

export interface RedrivenHere {
  readonly report: RedriveReport;
  readonly preview: Preview;
}

/** Items that are listed unless `--limit` says otherwise. */
const LISTED_DEFAULT = 20;
/** With `--apply`, where `--limit` limits the records. */
const LISTED_OF_APPLIED_MAX = 1_000;

/** @param onlyQueue for what a bulk run leaves, which is too little to show progress, and was counted before. */
export function redriveHere(call: RedriveCall, { onlyQueue = false } = {}): Promise<RedrivenHere> {
  const { options, io, filter, queueUrl } = call;
  const apply = options.has('apply');
  const limit = options.integer('limit');
  const listedMax = Math.min(limit ?? LISTED_DEFAULT, apply ? LISTED_OF_APPLIED_MAX : Infinity);
  const bucket = options.text('bucket');
  const letters = lettersIn(options);
  const withoutSource = options.has('without-source');
  return withOpen(openHere(call), async ({ context, ...opened }) => {
    // Where the Region of the source is lost, so is the function.
    const asksAnyway = letters === undefined && (queueUrl === undefined || bucket === undefined);
    if (!withoutSource) await checkProjection({ ...call, ...context, asksAnyway });
    if (!onlyQueue) {
      const { bucket: objects, queue, rules } = context;
      const inBucket = await recordsInBucket({ bucket: objects, replication: rules.replication });
      await requireYesFor(inBucket, await queue.size(), call);
    }
    const items: RedrivenItem[] = [];
    let more = 0;
    const settings = {
      apply,
      decide: true,
      filter,
      limit: Math.min(limit ?? Infinity, unconfirmedMax(call)),
      recordsPerSecond: options.integer('rate') ?? Infinity,
      hiddenSeconds: options.integer('hide-for') ?? 0,
      stop: io.interrupted,
      onItem(item: RedrivenItem) {
        if (items.length < listedMax) items.push({ ...item, key: opened.keyOf(item.key) });
        else more += 1;
      },
      onProgress: onlyQueue ? () => undefined : await redriveProgress(context, io),
    };
    const report = await redrive(context, settings, { onlyQueue });
    if (report.remaining > 0 && report.matched >= unconfirmedMax(call))
      io.err('More records waited than were counted. The others are left: they need --yes.');
    const sampleKeys = report.sampleKeys.map((key) => opened.keyOf(key));
    return { report: { ...report, sampleKeys }, preview: { items, more } };
  });
}

async function openHere(call: RedriveCall): Promise<OpenRedrive> {
  const { options, io, replication, sides, lease, queueUrl, lookAgainQueueUrl } = call;
  return openRedrive({
    replication,
    sides,
    projection: await operatorProjection(replication, sides.source),
    letters: lettersIn(options),
    queueUrl,
    bucket: options.text('bucket'),
    lookAgainQueueUrl,
    apply: options.has('apply'),
    withoutSource: options.has('without-source'),
    stop: io.interrupted,
    lease,
  });
}

/** What is counted before is an estimate: a message may note a whole batch, and others come. */
function unconfirmedMax({ options, filter }: RedriveCall): number {
  const isAsked = options.has('apply') && filter.keyText === undefined;
  return isAsked && !options.has('yes') ? ITEMS_MAX : Infinity;
}

/**
 * Of the batches in the bucket and the dead letters of the queue.
 * @throws UsageError where more than a thousand items may be changed without --yes.
 */
export function requireYesOfBulk(inBucket: Waiting, call: RedriveCall): Promise<void> {
  // A dry run of the bucket has no queue.
  if (!call.options.has('apply')) return requireYesFor(inBucket, 0, call);
  return withOpen(openHere(call), async ({ context }) =>
    requireYesFor(inBucket, await context.queue.size(), call),
  );
}

/** A record changes one item. Which records are selected is not known before they are read. */
async function requireYesFor(
  { records, isEstimate }: Waiting,
  letters: number,
  call: RedriveCall,
): Promise<void> {
  const { options, filter } = call;
  const { keyText, reason, parkedBeforeMs, parkedAfterMs } = filter;
  // Whatever is selected, it is of one item.
  if (keyText !== undefined) return;
  const waiting = records + letters;
  const about = isEstimate || letters > 0 ? 'about ' : '';
  const isFiltered = [reason, parkedBeforeMs, parkedAfterMs].some((one) => one !== undefined);
  const before = isFiltered ? ', before those are left out that are not selected' : '';
  await requireYes(call, {
    items: Math.min(waiting, options.integer('limit') ?? Infinity),
    text: `${about}${grouped(waiting)} records wait${before}`,
  });
}
