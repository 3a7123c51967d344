// The operator of a run in both directions: the commands that ship, each in a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Credentials } from '../../aws/access.ts';
import { FerryError } from '../../errors.ts';
import { packageFile } from '../../package-files.ts';
import type { Cleanup } from '../run/cleanup.ts';
import { keepConfig } from '../run/kept-config.ts';
import type { BothDirections } from '../run/local-world.ts';

/**
 * Runs one command on the replication of the run.
 * @returns what it has printed with --json.
 * @throws FerryError `local.both.command` where it has failed.
 */
export type Operator = (...args: readonly string[]) => Promise<unknown>;

export function openOperator(
  both: BothDirections,
  credentials: Credentials,
  cleanups: Cleanup[],
): Operator {
  const config = keepBoth(both);
  cleanups.push(() => config.remove());
  const { name } = both.outward.replication;
  return async (...args) => {
    const place = ['--config', config.path, '--replication', name, '--json'];
    const child = spawn(process.execPath, [packageFile('bin/ferry.cjs'), ...args, ...place], {
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number | null];
    // 3: it has found what it was to find.
    if (code === 0 || code === 3) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    throw new FerryError(`ferry ${args.join(' ')} has ended with ${code}: ${stderr.trim()}`, {
      code: 'local.both.command',
      hint: 'Run it again.',
    });
  };
}

/** Operators reach both tables without the faults of the functions. */
function keepBoth({ outward, back }: BothDirections) {
  const { streamArn, endpoints } = back;
  const faults = { endpoint: outward.destination.endpoint };
  return keepConfig({ ...outward, faults, back: { streamArn, endpoints } }, undefined);
}
