// A million records in batches of a thousand through one process: prints the processor time per record of the
// first twenty thousand, when the process is warm, and of all, as one line of JSON.

import { APPROACHES } from './approaches.ts';
import { makeBatch } from './batches.ts';

const BATCH = 1_000;
const WARM_UPS = 50;
const BATCHES = 1_000;
const FEW = 20;

const bring = APPROACHES.ferry(process.argv[2] ?? '');
const times: number[] = [];
for (let count = 0; count < WARM_UPS + BATCHES; count += 1) {
  const first = count * BATCH;
  const batch = makeBatch({ records: BATCH, keys: BATCH, bytes: 200, deleteShare: 0, first });
  const before = process.cpuUsage();
  await bring(batch);
  const { user, system } = process.cpuUsage(before);
  if (count >= WARM_UPS) times.push(user + system);
}
const perRecord = (some: readonly number[]) =>
  some.reduce((sum, us) => sum + us, 0) / some.length / BATCH;
console.log(JSON.stringify({ firstUs: perRecord(times.slice(0, FEW)), allUs: perRecord(times) }));
process.exit(0);
