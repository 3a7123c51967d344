// `npm run soak:two-way -- --minutes 3 --seed 7 --mode stamped`: an hour's worth of writes in minutes on both sides, with hot
// items, deletes and re-creations, while functions are killed. Prints its story and its report; ends with exit code 1 if
// the tables differ, if a write was lost, or if Ferry has written more than it may.
//
// To measure how long the tables differ after a load: `--minutes 0.02 --rate 2000 --kills 0`. Keep it short: the engine
// takes longer for each write, the more records its stream has, and in a longer run bounds the rate.

import { parseArgs } from 'node:util';
import { isWell, twoWay, type TwoWayOptions } from './two-way.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    mode: { type: 'string', default: 'stamped' },
    rate: { type: 'string', default: '400' },
    kills: { type: 'string' },
  },
});
if (values.mode !== 'home' && values.mode !== 'stamped')
  throw new Error(`--mode must be home or stamped, got "${values.mode}"`);

const startMs = performance.now();
const say = (line: string) => {
  const passed = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${passed.padStart(7)} s  ${line}`);
};

const seconds = Number(values.minutes) * 60;
const options: Omit<TwoWayOptions, 'onStory'> = {
  mode: values.mode,
  seed: Number(values.seed),
  seconds,
  writesPerSecond: Number(values.rate),
  items: 1_000,
  kills: Number(values.kills ?? Math.ceil(seconds / 10)),
};
say(`seed ${options.seed}: ${JSON.stringify(options)}`);
const report = await twoWay({ ...options, onStory: say });
say(JSON.stringify(report));
if (!isWell(report)) process.exitCode = 1;
console.log(
  isWell(report)
    ? `Both tables are equal, nothing was lost, and Ferry made ${report.ferryWritesPerWrite} writes for each write of an application.`
    : 'NOT as it should be: see the report, and repeat it with its seed.',
);
