// `npm run bench`: our handler beside what people write themselves and beside the limit, in one run, in turn,
// against destinations with fixed round trips and against the embedded engine. Prints every goal with its
// figure, and writes bench/results.json. `--rounds 3 --backlog 1000000`

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { ApproachName } from './approaches.ts';
import type { BatchShape } from './batches.ts';
import { coldStarts } from './cold-start.ts';
import { pinning } from './core-pinning.ts';
import { type Found, goalsOf, isMet, wantedText } from './goals.ts';
import type { Figures } from './measure.ts';
import { catchUp, growth, measure } from './processes.ts';
import { cpuPerRecord, perSecond, type Result, RESULTS_FILE, short, spread } from './results.ts';
import { type Scenario, SCENARIOS } from './scenarios.ts';
import { startStub, type Stub } from './stub.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    backlog: { type: 'string', default: '1000000' },
  },
});
const rounds = Array.from({ length: Number(values.rounds) }, (_, index) => index);
const startMs = performance.now();
const MEASURED_MS_MIN = 4_000;

function say(line: string): void {
  const passed = ((performance.now() - startMs) / 1000).toFixed(0);
  console.error(`${passed.padStart(5)} s  ${line}`);
}

const stubs = new Map<string, Stub>();

/** One for each round trip, and one that counts write units. */
async function stubOf(roundTripMs: number, countsUnits = false): Promise<Stub> {
  const name = `${roundTripMs} ${countsUnits}`;
  const stub = stubs.get(name) ?? (await startStub(roundTripMs, countsUnits));
  stubs.set(name, stub);
  return stub;
}

async function play({ name, roundTripMs, shape, approaches }: Scenario): Promise<Result[]> {
  const { endpoint } = await stubOf(roundTripMs);
  const figures = new Map<ApproachName, Figures[]>();
  for (const round of rounds)
    for (const approach of approaches) {
      const warmUps = warmUpsOf(approach, roundTripMs);
      const one = measure({ approach, endpoint, shape, warmUps, leastMs: MEASURED_MS_MIN });
      figures.set(approach, [...(figures.get(approach) ?? []), one]);
      say(
        `${name}, ${approach}, round ${round + 1}: ${short(perSecond(one))} records/s, ${short(cpuPerRecord(one))} us of processor, ${short(one.peakMiB)} MiB`,
      );
    }
  const results: Result[] = [];
  for (const approach of approaches) {
    const unitsPerRecord = await writeUnits(approach, shape);
    results.push({ scenario: name, approach, rounds: figures.get(approach) ?? [], unitsPerRecord });
  }
  return results;
}

/** Nothing that waits for a distant place most of the time has to be warm. */
function warmUpsOf(approach: ApproachName, roundTripMs: number): number {
  if (approach === 'stock SDK, one after the other' || approach === 'ferry, never coalescing')
    return 0;
  if (approach === 'stock SDK, all at once' && roundTripMs > 0) return 0;
  return 2;
}

const counted = new Map<string, number>();

/** Per record; the same at every distance. */
async function writeUnits(approach: ApproachName, shape: BatchShape): Promise<number> {
  const name = JSON.stringify({ approach, shape });
  const known = counted.get(name);
  if (known !== undefined) return known;
  const { endpoint } = await stubOf(0, true);
  const { records, writeUnits: units } = measure({
    approach,
    endpoint,
    shape,
    warmUps: 0,
    leastMs: 0,
  });
  counted.set(name, units / records);
  return units / records;
}

async function findAll(): Promise<Found> {
  const results: Result[] = [];
  for (const scenario of SCENARIOS) results.push(...(await play(scenario)));
  const near = await stubOf(0);
  say('cold starts');
  const starts = coldStarts(near.endpoint, rounds.length * 2);
  say('a million records through one process');
  const growths = rounds.map(() => growth(near));
  say(`a backlog of ${values.backlog} against the embedded engine`);
  return {
    results,
    coldStarts: starts,
    growth: growths,
    catchUp: await catchUp(Number(values.backlog)),
  };
}

try {
  const found = await findAll();
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}; ${pinning}`;
  const file = { node: process.version, machine, backlog: Number(values.backlog), ...found };
  writeFileSync(RESULTS_FILE, `${JSON.stringify(file, null, 1)}\n`);
  for (const goal of goalsOf(found)) {
    console.log(
      `${isMet(goal) ? 'met   ' : 'MISSED'}  ${goal.what}: ${spread(goal.figures)}${goal.unit}, wanted ${wantedText(goal)}`,
    );
  }
} finally {
  for (const { child } of stubs.values()) child.kill();
}
