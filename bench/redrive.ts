// What a redrive of a whole bucket takes: a million records, once with ten of each item, once with one. Prints
// figures and ratios within one run. `npm run bench:redrive -- 1000000`

import { type Measured, measureRedrive } from './redrive-scene.ts';

const RECORDS_DEFAULT = 1_000_000;
const RECORDS_PER_SECOND_MIN = 2_000;
const OF_LIMIT_MIN = 0.5;
const PEAK_MIB_MAX = 450;
// For this process; the command sees to itself.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
const records = Number(process.argv[2] ?? RECORDS_DEFAULT);

const same = await measureRedrive({ records, recordsPerItem: 10 });
const distinct = await measureRedrive({ records, recordsPerItem: 1 });
print('ten records per item', same);
print('one record per item', distinct);
const goals = [
  [`at least ${RECORDS_PER_SECOND_MIN} records/s`, same.recordsPerSecond >= RECORDS_PER_SECOND_MIN],
  [`at least ${OF_LIMIT_MIN} x the engine's limit`, distinct.ofLimit >= OF_LIMIT_MIN],
  [`at most ${PEAK_MIB_MAX} MiB`, [same, distinct].every(({ peakMiB }) => peakMiB <= PEAK_MIB_MAX)],
] as const;
for (const [goal, isMet] of goals) console.log(`${isMet ? 'met   ' : 'MISSED'}  ${goal}`);
process.exitCode = goals.every(([, isMet]) => isMet) ? 0 : 1;

function print(name: string, { recordsPerSecond, limits, ofLimit, peakMiB, report }: Measured) {
  const [before = 0, after = 0] = limits.map(Math.round);
  console.log(
    `${name}: ${Math.round(recordsPerSecond)} records/s; items ${ofLimit.toFixed(2)} x the engine's limit of ` +
      `${before} transactions/s before and ${after} after; peak ${peakMiB} MiB`,
  );
  const { found, applied, coalesced, left } = report;
  console.log(JSON.stringify({ found, applied, coalesced, left }));
}
