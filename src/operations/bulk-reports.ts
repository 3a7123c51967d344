// The reports of a bulk run's segments, as they lie in the bucket: how many segments have ended, and all
// their lines, one object after the other.

import { isLastReport, reportPrefix } from '../core/bulk-task.ts';
import type { ObjectStore } from '../ports.ts';

/** How many segments have handed in their last report. */
export async function segmentsReported(run: string, bucket: ObjectStore): Promise<number> {
  let count = 0;
  for await (const objects of bucket.list(reportPrefix(run))) {
    count += objects.filter(({ key }) => isLastReport(key)).length;
  }
  return count;
}

/** Every line of every report of a run. */
export async function* reportLines(run: string, bucket: ObjectStore): AsyncGenerator<string> {
  for await (const objects of bucket.list(reportPrefix(run))) {
    for (const { key } of objects) {
      const text = (await bucket.get(key)) ?? '';
      yield* text.split('\n').filter((line) => line !== '');
    }
  }
}
