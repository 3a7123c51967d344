// A redrive by this process, opened as the options say, with a list of items and their outcomes.

import { operatorProjection } from '../composition/open-projection.ts';
import { openRedrive } from '../composition/redrive-context.ts';
import type { RedriveFilter } from '../model/failure-message.ts';
import type { RedrivenItem } from '../redrive/outcome.ts';
import { redrive } from '../redrive/redrive.ts';
import type { RedriveReport } from '../redrive/report.ts';
import { type Call, withOpen } from './call.ts';
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

/** @param onlyQueue for what a bulk run leaves, which is too little to show progress. */
export async function redriveHere(
  call: RedriveCall,
  { onlyQueue = false } = {},
): Promise<RedrivenHere> {
  const { options, io, filter, replication, sides, lease, queueUrl, lookAgainQueueUrl } = call;
  const apply = options.has('apply');
  const limit = options.integer('limit');
  const listedMax = Math.min(limit ?? LISTED_DEFAULT, apply ? LISTED_OF_APPLIED_MAX : Infinity);
  const bucket = options.text('bucket');
  const letters = lettersIn(options);
  const withoutSource = options.has('without-source');
  const opening = openRedrive({
    replication,
    sides,
    projection: await operatorProjection(replication, sides.source),
    letters,
    queueUrl,
    bucket,
    lookAgainQueueUrl,
    apply,
    withoutSource,
    stop: io.interrupted,
    lease,
  });
  return withOpen(opening, async ({ context, ...opened }) => {
    // Where the Region of the source is lost, so is the function.
    const asksAnyway = letters === undefined && (queueUrl === undefined || bucket === undefined);
    if (!withoutSource) await checkProjection({ ...call, ...context, asksAnyway });
    const items: RedrivenItem[] = [];
    let more = 0;
    const settings = {
      apply,
      decide: true,
      filter,
      limit: limit ?? Infinity,
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
    const sampleKeys = report.sampleKeys.map((key) => opened.keyOf(key));
    return { report: { ...report, sampleKeys }, preview: { items, more } };
  });
}
