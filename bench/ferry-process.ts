// A command as an operator runs it, in a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ENVIRONMENT } from './approach.ts';

export interface Finished {
  /** What it prints with --json. */
  readonly report: Readonly<Record<string, unknown>>;
  /** The most memory that its process has had; 0 where this is not Linux. */
  readonly peakMiB: number;
}

/** Linux keeps the highest resident size of each process. That of `resourceUsage` can be the parent's. */
const TELL_MEMORY = `
import { readFileSync, writeSync } from 'node:fs';
if (process.platform === 'linux')
  process.on('exit', () => writeSync(3, readFileSync('/proc/self/status')));
`;

/** @throws Error where it does not end with 0. */
export async function ferry(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const telling = ['--import', `data:text/javascript,${encodeURIComponent(TELL_MEMORY)}`];
  const child = spawn(process.execPath, [...telling, 'bin/ferry.cjs', ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: { ...ENVIRONMENT, ...environment },
  });
  const [, stdout, , memory] = child.stdio as unknown as [null, Readable, null, Readable];
  const [out, status, [code]] = await Promise.all([
    text(stdout),
    text(memory),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  if (code !== 0) throw new Error(`ferry ${args[0]} ended with ${code}: ${out}`);
  const peakKiB = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return { report: JSON.parse(out) as Finished['report'], peakMiB: Math.ceil(peakKiB / 1024) };
}
