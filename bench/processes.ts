// Measurements, each in a fresh process on a core of its own. The programs are built as what Lambda runs is built:
// tsx would be measured with them otherwise.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { FUNCTION_OPTIONS } from '../bin/bundles.ts';
import { startEmbeddedDynamoDb } from '../src/local/engine/embedded-dynamodb.ts';
import { openLocalRegion } from '../src/local/engine/local-region.ts';
import { CREDENTIALS, ENVIRONMENT, SETTINGS } from './approach.ts';
import { moveToCore, onCore } from './core-pinning.ts';
import type { Found } from './goals.ts';
import type { Figures, Job } from './measure.ts';
import type { Stub } from './stub.ts';
import { createDestination } from './two-regions.ts';

export function measure(job: Job): Figures {
  const memoryMiB = job.approach === 'ferry, 256 MiB' ? 256 : ONE_CORE_MIB;
  return run('measure', [JSON.stringify(job)], memoryMiB) as Figures;
}

/** A million records: microseconds per record of the first thousands, and of all. */
export function growth({ endpoint }: Stub): Found['growth'][number] {
  return run('growth', [endpoint]) as Found['growth'][number];
}

/** Records/s, ours and the engine's limit, in turn. */
export async function catchUp(backlog: number): Promise<Found['catchUp']> {
  const engine = await startEmbeddedDynamoDb({});
  moveToCore(1, engine.pid);
  const { destinationRegion: region, replication } = SETTINGS;
  const { endpoint } = engine;
  try {
    await createDestination(
      await openLocalRegion({ region, endpoint, credentials: CREDENTIALS }),
      replication,
    );
    return run('catch-up', [endpoint, String(backlog)]) as Found['catchUp'];
  } finally {
    await engine.stop();
  }
}

/** Of a Lambda function that has one core. */
const ONE_CORE_MIB = 1_769;

/**
 * Lambda's bootstrap gives a tenth of the memory to young objects, and the rest to old ones. That tenth is
 * two semi-spaces in older runtimes; V8 has three of them, so the smaller figure is taken.
 */
function memoryOptions(memoryMiB: number): string[] {
  const youngMiB = Math.floor(memoryMiB / 10);
  return [
    `--max-semi-space-size=${Math.floor(youngMiB / 3)}`,
    `--max-old-space-size=${memoryMiB - youngMiB}`,
  ];
}

function run(program: Program, args: readonly string[], memoryMiB = ONE_CORE_MIB): unknown {
  programs ??= buildPrograms();
  const path = join(programs, `${program}.mjs`);
  const node = [process.execPath, ...memoryOptions(memoryMiB), path] as const;
  const [command, ...rest] = onCore(0, [...node, ...args]);
  const { stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8', env: ENVIRONMENT });
  if (stdout === '') throw new Error(`${program} ${args.join(' ')} said nothing but: ${stderr}`);
  return JSON.parse(stdout);
}

type Program = (typeof PROGRAMS)[number];
const PROGRAMS = ['measure', 'growth', 'catch-up'] as const;
let programs: string | undefined;

/** @returns the directory that they are built into. */
function buildPrograms(): string {
  const outdir = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
  const entryPoints = PROGRAMS.map((name) => ({ in: `bench/${name}.ts`, out: name }));
  copyFileSync('examples/projection/orders.mjs', join(outdir, 'projection.mjs'));
  buildSync({ ...FUNCTION_OPTIONS, entryPoints, outdir, write: true });
  return outdir;
}
