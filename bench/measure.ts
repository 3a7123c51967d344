// One approach, one batch, in a process of its own: prints what it took as one line of JSON.

import { APPROACHES } from './approaches.ts';
import { type BatchShape, makeBatch } from './batches.ts';

const [name = '', endpoint = '', json = '{}', warmUps = '1'] = process.argv.slice(2);
const shape = JSON.parse(json) as BatchShape;
const approach = APPROACHES[name];
if (approach === undefined) throw new Error(`there is no approach "${name}"`);
const bring = approach(endpoint);
const batch = makeBatch(shape);
for (let count = 0; count < Number(warmUps); count += 1) await bring(batch);
const cpu = process.cpuUsage();
const startMs = performance.now();
const records = (await bring(batch)) ?? batch.length;
const wallMs = performance.now() - startMs;
const { user, system } = process.cpuUsage(cpu);
const peakMiB = process.resourceUsage().maxRSS / 1_024;
console.log(JSON.stringify({ records, wallMs, cpuUs: user + system, peakMiB }));
process.exit(0);
