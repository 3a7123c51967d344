// `npm run soak:switching -- --switches 10 --seed 7`: switches there and back while the operator's command, the functions
// and the engines are killed. Prints its story and its report; ends with exit code 1 if anything was lost, or if a proof
// says otherwise than the judge has counted.

import { parseArgs } from 'node:util';
import { isWell, switching } from './switching.ts';

const { values } = parseArgs({
  options: {
    switches: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const startMs = performance.now();
const say = (line: string) => {
  const passed = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${passed.padStart(7)} s  ${line}`);
};

const options = {
  seed: Number(values.seed),
  switches: Number(values.switches),
  keys: 500,
  seconds: 12,
  operatorKills: 2,
};
say(`seed ${options.seed}: ${JSON.stringify(options)}`);
const report = await switching({ ...options, onStory: say });
say(JSON.stringify(report));
if (!isWell(report)) process.exitCode = 1;
console.log(
  isWell(report)
    ? 'Nothing lost, tables equal, and every proof says what the judge has counted.'
    : 'NOT as it should be: see the report, and repeat it with its seed.',
);
