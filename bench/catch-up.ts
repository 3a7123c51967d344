// A backlog against the embedded engine, in slices: ours, and in between the engine's own limit for conditional
// puts, found with the leanest client. Prints records/s of each slice as one line of JSON.

import type { Approach } from './approach.ts';
import { APPROACHES } from './approaches.ts';
import { makeBatch } from './batches.ts';
import { leanestWith } from './leanest.ts';

const [endpoint = '', backlog = '1000000'] = process.argv.slice(2);
const SLICES = 10;
const BATCH = 10_000;
const PROBE = 2_000;
const LANES_TRIED = [32, 100, 400];
/** Keys that no slice of ours has. */
const ELSEWHERE = 1_000_000_000;

type Bring = ReturnType<Approach>;

/** @returns records/s. */
async function speed(bring: Bring, records: number, first: number): Promise<number> {
  let ms = 0;
  for (let done = 0; done < records; done += BATCH) {
    const size = Math.min(BATCH, records - done);
    const batch = makeBatch({
      records: size,
      keys: size,
      bytes: 200,
      deleteShare: 0,
      event: 'INSERT',
      first: first + done,
    });
    const startMs = performance.now();
    await bring(batch);
    ms += performance.now() - startMs;
  }
  return (records * 1000) / ms;
}

let elsewhere = ELSEWHERE;
const probe = (bring: Bring) => speed(bring, PROBE, (elsewhere += PROBE));
const limits = LANES_TRIED.map((lanes) => leanestWith(lanes)(endpoint));
const ferry = APPROACHES.ferry(endpoint);
// Everything is warm before it counts. Ours is the first, because it adopts an empty twin only.
for (const bring of [ferry, ...limits]) await probe(bring);
const slice = Math.ceil(Number(backlog) / SLICES);
const slices: Array<{ ferry: number; limit: number }> = [];
for (let count = 0; count < SLICES; count += 1) {
  const tried: number[] = [];
  for (const bring of limits) tried.push(await probe(bring));
  const ours = await speed(ferry, slice, count * slice);
  slices.push({ ferry: ours, limit: Math.max(...tried) });
}
console.log(JSON.stringify(slices));
process.exit(0);
