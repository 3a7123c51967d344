// `npm run soak:run -- --kills 20 --seed 7`: a holder and a standby of `ferry run` under load, killed at random. Prints its
// story, the takeover times and its report.
// `npm run soak:run -- --memory --minutes 60 --rate 300`: the memory of one process, each minute, and whether it is flat.
// Both end with exit code 1 if anything is not as it should be.

import { parseArgs } from 'node:util';
import { isWell, runChaos } from './run.ts';
import { halvesOf, runMemory } from './run-memory.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    memory: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const startMs = performance.now();
const say = (line: string) => {
  const passed = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${passed.padStart(7)} s  ${line}`);
};

const SAMPLES_MIN = 10;
/** Of the heap, from one half of the time to the other. */
const GROWTH_MAX = 1.1;

async function memory(): Promise<boolean> {
  const minutes = Number(values.minutes);
  const { samples, ...report } = await runMemory({
    seed,
    seconds: minutes * 60,
    writesPerSecond: Number(values.rate),
    samples: Math.max(minutes, SAMPLES_MIN),
    onSample: (sample) => say(JSON.stringify(sample)),
  });
  say(JSON.stringify(report));
  const [first, second] = halvesOf(samples);
  const growth = second / first;
  console.log(
    `Heap after garbage collection, median of each half: ${first} MiB, ${second} MiB, ${growth.toFixed(3)} x.`,
  );
  console.log(growth <= GROWTH_MAX ? 'Memory is flat.' : 'Memory GROWS.');
  return growth <= GROWTH_MAX && report.differences === 0;
}

async function chaos(): Promise<boolean> {
  const options = { seed, kills: Number(values.kills), freezes: 3, keys: 500 };
  say(`seed ${seed}: ${JSON.stringify(options)}`);
  const report = await runChaos({ ...options, onStory: say });
  say(JSON.stringify(report));
  const times = report.takeoversMs.toSorted((a, b) => a - b);
  console.log(`Takeovers: ${times.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(', ')}.`);
  return isWell(report);
}

const isGood = await (values.memory ? memory() : chaos());
process.exitCode = isGood ? 0 : 1;
console.log(
  isGood
    ? 'Nothing lost, tables equal.'
    : `NOT as it should be: see the report, and repeat it with --seed ${seed}.`,
);
