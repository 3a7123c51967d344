// A redrive by this process, opened as the options say, with a list of items and their outcomes.

import { environmentEndpoint } from '../aws/endpoints.ts';
import { openRedrive } from '../composition/redrive-context.ts';
import type { RedriveFilter } from '../model/failure-message.ts';
import type { RedriveContext, RedriveOptions } from '../redrive/redrive.ts';
import type { RedrivenItem } from '../redrive/outcome.ts';
import type { RedriveReport } from '../redrive/report.ts';
import type { Item } from '../ports.ts';
import { type Call, withOpen } from './call.ts';
import type { Preview } from './redrive-result.ts';

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

export async function withRedrive(
  call: RedriveCall,
  work: (
    context: RedriveContext,
    options: Omit<RedriveOptions, 'onProgress'>,
    preview: Preview,
  ) => Promise<RedrivenHere>,
): Promise<RedrivenHere> {
  const { options, io, filter } = call;
  const apply = options.has('apply');
  const opening = openRedrive({
    replication: call.replication,
    queueUrl: call.queueUrl,
    bucket: options.text('bucket'),
    lookAgainQueueUrl: call.lookAgainQueueUrl,
    apply,
    withoutSource: options.has('without-source'),
    stop: io.interrupted,
    objectEndpoint: environmentEndpoint('S3', io.environment),
  });
  return withOpen(opening, async ({ context, ...opened }) => {
    const keyOf = (key: Item) => opened.keyOf(key);
    const listedMax = options.integer('limit') ?? LISTED_DEFAULT;
    const list = itemList(apply ? Math.min(listedMax, LISTED_OF_APPLIED_MAX) : listedMax);
    const { report, preview } = await work(
      context,
      {
        apply,
        decide: true,
        filter,
        limit: options.integer('limit') ?? Infinity,
        recordsPerSecond: options.integer('rate') ?? Infinity,
        hiddenSeconds: options.integer('hide-for') ?? 0,
        stop: io.interrupted,
        onItem: list.add,
      },
      list,
    );
    const sampleKeys = report.sampleKeys.map(keyOf);
    const items = preview.items.map((item) => ({ ...item, key: keyOf(item.key) }));
    return { report: { ...report, sampleKeys }, preview: { items, more: preview.more } };
  });
}

/** The first items; of the others, how many there are. */
function itemList(limit: number): Preview & { readonly add: (item: RedrivenItem) => void } {
  const items: RedrivenItem[] = [];
  let more = 0;
  return {
    items,
    get more() {
      return more;
    },
    add(item) {
      if (items.length < limit) items.push(item);
      else more += 1;
    },
  };
}
