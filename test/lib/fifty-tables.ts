// The way of fifty tables: `ferry init --all` makes their file from two embedded Regions, and `cdk synth` makes the
// templates. Prints the time and the peak memory of both: npm run fifty-tables

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedDynamoDb } from '../../src/local/engine/embedded-dynamodb.ts';
import { testEngine } from '../fixtures/engine.ts';

const TABLES = 50;
const KEY = [{ name: 'pk', type: 'S' }] as const;

interface Measured {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly peakMiB: number;
}

/** In a process of its own, by GNU time: the peak is that of the largest process. */
function measured(command: readonly string[], directory: string): Measured {
  const report = join(directory, 'time');
  const format = ['--format', '%e %U %S %M', '--output', report];
  const { status, stderr } = spawnSync('/usr/bin/time', [...format, ...command], {
    env: { ...process.env, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    encoding: 'utf8',
    maxBuffer: 64 * 1_024 * 1_024,
  });
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${stderr}`);
  const figures = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  const [seconds = 0, user = 0, system = 0, kilobytes = 0] = figures;
  return { seconds, processorSeconds: user + system, peakMiB: Math.ceil(kilobytes / 1_024) };
}

function tell(what: string, { seconds, processorSeconds, peakMiB }: Measured): void {
  const time = `${seconds.toFixed(1)} s, ${processorSeconds.toFixed(1)} s of processor time`;
  console.log(`${what.padEnd(16)} ${time}, peak memory ${peakMiB} MiB`);
}

/** The embedded engine has endpoints and stream ARNs of its own, which CloudFormation would not take. */
function inAws(config: string): string {
  return config
    .replaceAll(/,\s*"endpoint": "[^"]*"/g, '')
    .replaceAll(/arn:aws:dynamodb:\w+:\d+:/g, 'arn:aws:dynamodb:us-east-1:111122223333:')
    .replaceAll(/\/stream\/[^"]*/g, '/stream/2026-01-31T12:00:00.000');
}

const directory = mkdtempSync(join(tmpdir(), 'ferry-fifty-'));
const engines = await Promise.all([startEmbeddedDynamoDb(), startEmbeddedDynamoDb()]);
try {
  const [source, destination] = engines.map(({ endpoint }) => testEngine(endpoint));
  for (let index = 1; index <= TABLES; index += 1) {
    const name = `prod-customer-platform-events-of-shop-${index}`;
    await source?.createTable(name, KEY, true);
    await destination?.createTable(name, KEY);
  }
  const config = join(directory, 'ferry.json');
  const endpoints = ['source', 'destination'].flatMap((side, index) => [
    `--${side}-endpoint`,
    engines[index]?.endpoint ?? '',
  ]);
  const init = ['init', '--all', 'us-east-1', 'eu-west-1', '--config', config, ...endpoints];
  tell('ferry init --all', measured(['node', 'bin/ferry.cjs', ...init], directory));
  const file = join(directory, 'in-aws.json');
  writeFileSync(file, inAws(readFileSync(config, 'utf8')));
  const output = join(directory, 'cdk.out');
  const synth = ['synth', '--quiet', '-c', `config=${file}`, '--output', output];
  tell('cdk synth', measured(['npx', 'cdk', ...synth], directory));
  const templates = readdirSync(output).filter((name) => name.endsWith('.template.json'));
  console.log(`${templates.length} templates`);
} finally {
  await Promise.all(engines.map((engine) => engine.stop()));
  rmSync(directory, { recursive: true, force: true });
}
