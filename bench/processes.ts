// Measurements, each in a fresh process on a core of its own.

import { spawnSync } from 'node:child_process';
import { startEmbeddedDynamoDb } from '../src/local/engine/embedded-dynamodb.ts';
import { built, type Program } from './build.ts';
import { moveToCore, onCore } from './core-pinning.ts';
import type { Figures, Job } from './measure.ts';
import type { Stub } from './stub.ts';

export function measure(job: Job): Figures {
  const memoryMiB = job.approach === 'ferry, 256 MiB' ? 256 : ONE_CORE_MIB;
  return run('measure', [JSON.stringify(job)], memoryMiB) as Figures;
}

/** A million records: microseconds per record of the first thousands, and of all. */
export function growth({ endpoint }: Stub): { firstUs: number; allUs: number } {
  return run('growth', [endpoint]) as { firstUs: number; allUs: number };
}

/** Records/s, ours and the engine's limit, in turn. */
export async function catchUp(
  backlog: number,
): Promise<ReadonlyArray<{ readonly ferry: number; readonly limit: number }>> {
  const engine = await startEmbeddedDynamoDb({});
  moveToCore(1, engine.pid);
  try {
    return run('catch-up', [engine.endpoint, String(backlog)]) as never;
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
  const node = [process.execPath, ...memoryOptions(memoryMiB), built(program)] as const;
  const [command, ...rest] = onCore(0, [...node, ...args]);
  const { stdout, stderr } = spawnSync(command, rest, {
    encoding: 'utf8',
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  if (stdout === '') throw new Error(`${program} ${args.join(' ')} said nothing but: ${stderr}`);
  return JSON.parse(stdout);
}
