// `npm run soak -- --seconds 300 --kills 40 --seed 7`: chaos for as long as you like. `--kill-source` kills the
// source's engine, too. Prints its seed first, its story as it goes, and its report; exits with 1 if anything was
// lost or taken back.

import { parseArgs } from 'node:util';
import { chaos } from './chaos.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    kills: { type: 'string', default: '40' },
    keys: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'kill-source': { type: 'boolean', default: false },
  },
});
const [seconds, kills, keys, seed] = [values.seconds, values.kills, values.keys, values.seed].map(
  Number,
) as [number, number, number, number];
console.log(`seed ${seed}: ${seconds} s, ${kills} kills, ${keys} keys`);
const startMs = performance.now();
const report = await chaos({
  seed,
  seconds,
  kills,
  keys,
  killSource: values['kill-source'],
  onStory: (line) => {
    const passed = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(`${passed.padStart(7)} s  ${line}`);
  },
});
console.log(report);
const isWell =
  report.differences + report.unaccounted + report.left + report.steppedBack.length === 0;
console.log(isWell ? 'Nothing lost, nothing taken back, tables equal.' : 'NOT as it should be.');
process.exitCode = isWell ? 0 : 1;
