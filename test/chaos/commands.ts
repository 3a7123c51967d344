// What operators do to a replication on real engines: the commands that ship, in processes of their own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { LocalWorld } from '../../src/local/run/local-world.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { mentionLine } from '../../src/verify/difference-report.ts';
import { CREDENTIALS } from './disturbance.ts';

export function startCommand(
  args: readonly string[],
  { world, config }: { readonly world?: LocalWorld; readonly config: string },
) {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const child = spawn(process.execPath, ['bin/ferry.cjs', ...args, '--config', config], {
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(world && { AWS_ENDPOINT_URL_S3: world.failures.objectEndpoint }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finished = once(child, 'close').then(([exitCode, signal]) => ({
    exitCode: exitCode as number | null,
    signal: signal as NodeJS.Signals | null,
    stdout,
    stderr,
  }));
  return { child, finished };
}

export function announcedTo({ failures }: LocalWorld): string[] {
  return ['--look-again-queue-url', failures.lookAgainQueueUrl];
}

/** The replication as the operators see it. */
export function configAt(endpoint: string, { replication }: LocalWorld): string {
  const destination = { ...replication.destination, endpoint };
  return JSON.stringify({ replications: [{ ...replication, destination }] });
}

/** A report that suspects these items: a repair looks itself what is different. */
export function listing(replication: string, keys: readonly Item[]): string {
  const header = {
    ferry: 'differences',
    replication,
    source: 'us-east-1/Orders',
    destination: 'eu-west-1/Orders',
    startedAt: '2026-01-31T12:00:00.000Z',
  };
  const lines = keys.map((key) => mentionLine('in-flight', key));
  return [JSON.stringify(header), ...lines, '{"summary":{}}', ''].join('\n');
}
