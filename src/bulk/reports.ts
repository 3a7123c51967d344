// The reports of a bulk run's segments, as they lie in the bucket: how many segments have ended, and all
// their lines, one object after the other.

import { isDoneKey, reportPrefix } from './task.ts';
import { FerryError } from '../errors.ts';
import type { ObjectStore } from '../ports.ts';

/** How many segments are done. */
export async function segmentsReported(run: string, bucket: ObjectStore): Promise<number> {
  let count = 0;
  for await (const objects of bucket.list(reportPrefix(run))) {
    count += objects.filter(({ key }) => isDoneKey(key)).length;
  }
  return count;
}

/**
 * Every line of every report of a run.
 * @throws FerryError `bulk.report-lost` where one that was listed cannot be read.
 */
export async function* reportLines(run: string, bucket: ObjectStore): AsyncGenerator<string> {
  for await (const objects of bucket.list(reportPrefix(run))) {
    for (const { key } of objects.filter((one) => !isDoneKey(one.key))) {
      const text = await bucket.get(key);
      if (text === undefined) {
        throw new FerryError(`The report ${key} is not in the bucket any more.`, {
          code: 'bulk.report-lost',
          hint: 'Nothing can be said of its segment. Run the command again.',
        });
      }
      yield* text.split('\n').filter((line) => line !== '');
    }
  }
}
