// One approach and one shape of batch, in a process of its own: prints what it took as one line of JSON.

import { APPROACHES, type ApproachName } from './approaches.ts';
import { type BatchShape, makeBatch } from './batches.ts';
import { readCounts } from './stub.ts';

export interface Job {
  readonly approach: ApproachName;
  readonly endpoint: string;
  readonly shape: BatchShape;
  readonly warmUps: number;
  /** What is faster is brought again: a full garbage collection must not strike one run of ten. */
  readonly leastMs: number;
}

export interface Figures {
  readonly records: number;
  readonly wallMs: number;
  /** User and system time. */
  readonly cpuUs: number;
  readonly peakMiB: number;
  readonly requests: number;
  /** 0 where the destination does not count them. */
  readonly writeUnits: number;
}

const { approach, endpoint, shape, warmUps, leastMs } = JSON.parse(process.argv[2] ?? '{}') as Job;
const bring = APPROACHES[approach](endpoint);
const batch = makeBatch(shape);
for (let count = 0; count < warmUps; count += 1) await bring(batch);
const before = await readCounts(endpoint);
const cpu = process.cpuUsage();
const startMs = performance.now();
let [records, wallMs] = [0, 0];
do {
  records += (await bring(batch)) ?? batch.length;
  wallMs = performance.now() - startMs;
} while (wallMs < leastMs);
const { user, system } = process.cpuUsage(cpu);
const after = await readCounts(endpoint);
const figures: Figures = {
  records,
  wallMs,
  cpuUs: user + system,
  peakMiB: process.resourceUsage().maxRSS / 1_024,
  requests: after.requests - before.requests,
  writeUnits: after.writeUnits - before.writeUnits,
};
console.log(JSON.stringify(figures));
process.exit(0);
