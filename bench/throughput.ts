// `npm run bench`: our handler beside what people write themselves, in one run, pairwise and in turn, against
// a destination with a fixed round trip. Prints every goal with its figure, and writes bench/results.json.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { BatchShape } from './batches.ts';
import { coldStarts } from './cold-start.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const ROUNDS = Number(values.rounds);

const DISTINCT: BatchShape = { records: 10_000, keys: 10_000, bytes: 200, deleteShare: 0 };
const ZIPF: BatchShape = { ...DISTINCT, keys: 1_000 };
const FULL_EVENT: BatchShape = { ...DISTINCT, bytes: 600 };
const SMALL: BatchShape = { ...DISTINCT, records: 1_000, keys: 1_000 };
const SERIAL = 'serial loop, stock SDK';
const STOCK = 'fan-out, stock SDK';
const BATCHES = 'batch writes without conditions, stock SDK';
const LEANEST = 'leanest: signed texts, nothing else';
const UNCOALESCED = 'ferry, never coalescing';

interface Figures {
  readonly records: number;
  readonly wallMs: number;
  readonly cpuUs: number;
  readonly peakMiB: number;
}

interface Goal {
  readonly what: string;
  readonly unit: string;
  readonly wanted: number;
  readonly isMost?: boolean;
  /** A figure per round. */
  readonly measure: () => Promise<number[]>;
}

interface Stub {
  readonly child: ChildProcess;
  readonly endpoint: string;
}

async function startStub(roundTripMs: number): Promise<Stub> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/stub.ts', String(roundTripMs)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  if (child.stdout === null) throw new Error('no output');
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, endpoint: `http://127.0.0.1:${port.toString().trim()}` };
}

function measure(approach: string, { endpoint }: Stub, shape: BatchShape): Figures {
  const warmUps = approach === SERIAL ? '0' : '1';
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'bench/measure.ts', approach, endpoint, JSON.stringify(shape), warmUps],
    {
      encoding: 'utf8',
      env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    },
  );
  if (stdout === '') throw new Error(stderr);
  const figures = JSON.parse(stdout) as Figures;
  console.error(
    `${approach.padEnd(44)} ${Math.round((figures.records * 1000) / figures.wallMs)} records/s  ${(figures.cpuUs / figures.records).toFixed(1)} us CPU/record  ${Math.round(figures.peakMiB)} MiB`,
  );
  return figures;
}

const perSecond = ({ records, wallMs }: Figures) => (records * 1000) / wallMs;
const cpuPerRecord = ({ cpuUs, records }: Figures) => cpuUs / records;

/** Both in each round, one right after the other, so that a busy minute strikes both. */
async function ratios(
  stub: Stub,
  [ours, other]: readonly [string, string],
  shape: BatchShape,
  figure: (figures: Figures) => number,
): Promise<number[]> {
  return Array.from({ length: ROUNDS }, () => {
    const mine = figure(measure(ours, stub, shape));
    return mine / figure(measure(other, stub, shape));
  });
}

function goalsOf(far: Stub, near: Stub): Goal[] {
  const faster = (other: string, wanted: number, shape = DISTINCT): Goal => ({
    what: `records/s at 70 ms, as a multiple of: ${other}`,
    unit: 'x',
    wanted,
    measure: () => ratios(far, ['ferry', other], shape, perSecond),
  });
  const cheaper = (other: string, wanted: number): Goal => ({
    what: `CPU per record at 0 ms, as a multiple of: ${other}`,
    unit: 'x',
    wanted,
    isMost: true,
    measure: () => ratios(near, ['ferry', other], DISTINCT, cpuPerRecord),
  });
  return [
    faster(SERIAL, 300),
    faster(STOCK, 8),
    faster(BATCHES, 1.5),
    cheaper(STOCK, 0.12),
    cheaper(LEANEST, 1.6),
    { ...faster(UNCOALESCED, 5, ZIPF), what: `zipf batch, as a multiple of: ${UNCOALESCED}` },
    {
      what: 'module init and first request, as a multiple of a bare stock client',
      unit: 'x',
      wanted: 0.5,
      isMost: true,
      measure: async () =>
        coldStarts(near.endpoint, ROUNDS * 2).map(([ours, stock]) => ours / stock),
    },
    {
      what: 'peak memory of 10,000 records of 600 B',
      unit: ' MiB',
      wanted: 256,
      isMost: true,
      measure: async () =>
        Array.from({ length: ROUNDS }, () => measure('ferry', near, FULL_EVENT).peakMiB),
    },
    {
      what: 'time per record, 10,000 as a multiple of 1,000 records',
      unit: 'x',
      wanted: 1.15,
      isMost: true,
      measure: async () =>
        Array.from(
          { length: ROUNDS },
          () =>
            perSecond(measure('ferry', near, SMALL)) / perSecond(measure('ferry', near, DISTINCT)),
        ),
    },
  ];
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

const [far, near] = await Promise.all([startStub(70), startStub(0)]);
const rows = [];
for (const { what, unit, wanted, isMost = false, measure: figuresOf } of goalsOf(far, near)) {
  const figures = await figuresOf();
  const found = median(figures);
  const isMet = isMost ? found <= wanted : found >= wanted;
  rows.push({ goal: what, wanted, isMost, found, figures, isMet });
  const round = (figure: number) => Number(figure.toPrecision(3));
  console.log(
    `${isMet ? 'met   ' : 'MISSED'}  ${what}: ${round(found)}${unit}, wanted ${isMost ? 'at most' : 'at least'} ${wanted}${unit} (${figures.map(round).join(', ')})`,
  );
}
for (const { child } of [far, near]) child.kill();
writeFileSync(
  'bench/results.json',
  `${JSON.stringify({ node: process.version, rows }, null, 2)}\n`,
);
