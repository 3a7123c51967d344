// The CDK's command as a child process: what it is asked for and in which order, what it reads, how it ends, and the
// real one on the app of this repository.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CdkApp, type CdkOptions, openCdkApp } from '../../src/aws/cdk-app.ts';
import { scratchOf, scratchStacks } from '../../src/composition/rehearsal-scratch.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { packageFile } from '../../src/package-files.ts';

/** Notes its arguments, and does what the variable says. */
const STAND_IN = `
const { appendFileSync, existsSync } = require('node:fs');
appendFileSync(process.env.NOTES, JSON.stringify(process.argv.slice(2)) + '\\n');
console.log('ferry-one: creating');
console.error(' ');
if (process.env.CDK_DOES === 'fail') {
  console.error('ferry-one failed: AccessDenied');
  process.exitCode = 1;
}
if (process.env.CDK_DOES === 'wait') {
  process.on('SIGINT', () => {
    appendFileSync(process.env.NOTES, '"interrupted"\\n');
    process.exit(1);
  });
  console.log('waiting');
  setInterval(() => undefined, 1000);
}
`;

let folder: string;
let app: CdkApp;
const lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-cdk-'));
  lines.length = 0;
});
afterEach(() => {
  app.close();
  rmSync(folder, { recursive: true });
});

function open(does: string, options: Partial<CdkOptions> = {}): CdkApp {
  const script = join(folder, 'cdk.cjs');
  writeFileSync(script, STAND_IN);
  const environment = { NOTES: join(folder, 'notes'), CDK_DOES: does };
  const onLine = (line: string) => lines.push(line);
  const command = [process.execPath, script] as const;
  app = openCdkApp({ config: {}, environment, onLine, command, ...options });
  return app;
}

function notes(): unknown[] {
  const text = readFileSync(join(folder, 'notes'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const never = new AbortController().signal;
const stack = (name: string, profile?: string) => ({ name, profile });

describe('a deployment by the CDK', () => {
  it('takes stacks of one profile together, asks for no approval, and takes no other stack', async () => {
    await open('work').deploy([stack('twin', 'there'), stack('a'), stack('b')], never);

    const options = ['--require-approval', 'never', '--progress', 'events'];
    expect(notes()).toEqual([
      ['deploy', ...options, 'twin', '--exclusively', '--profile', 'there'],
      ['deploy', ...options, 'a', 'b', '--exclusively'],
    ]);
    expect(lines).toEqual(['ferry-one: creating', 'ferry-one: creating']);
  });

  it('destroys in the reverse order', async () => {
    await open('work').destroy([stack('twin'), stack('source')]);

    expect(notes()).toEqual([['destroy', '--force', 'source', 'twin', '--exclusively']]);
  });

  it('says what the CDK said where it fails, and begins nothing more', async () => {
    const failing = open('fail').deploy([stack('twin', 'there'), stack('source')], never);

    await expect(failing).rejects.toMatchObject({
      code: 'cdk.failed',
      message: expect.stringContaining('ferry-one failed: AccessDenied') as string,
    });
    expect(notes()).toHaveLength(1);
  });

  it('ends with Ctrl-C, once the child has ended', async () => {
    const stop = new AbortController();
    const onLine = (line: string) => line === 'waiting' && stop.abort();

    const deploying = open('wait', { onLine }).deploy([stack('twin')], stop.signal);

    const ended: unknown = await deploying.catch((error: unknown) => error);
    expect(ended).toBe(stop.signal.reason);
    expect(notes().at(-1)).toBe('interrupted');
    await expect(app.deploy([stack('twin')], stop.signal)).rejects.toBe(stop.signal.reason);
    expect(notes()).toHaveLength(2);
  });

  it('leaves no folder', () => {
    const { config } = open('work');

    app.close();

    expect(existsSync(dirname(config))).toBe(false);
  });
});

describe('the app of this repository', () => {
  it('has exactly the stacks of the rehearsal under its name, and those that its Regions share', async () => {
    const region = { source: 'us-east-1', destination: 'eu-west-1' };
    const [chosen] = parseConfig({
      replications: [
        {
          name: 'orders',
          source: { region: region.source, table: 'Orders', create: true, partitionKey: KEY },
          destination: {
            region: region.destination,
            table: 'Orders',
            create: true,
            partitionKey: KEY,
          },
          switching: {},
        },
      ],
    }).replications;
    const scratch = scratchOf(chosen as ReplicationConfig, 'rehearsal-ab2c');
    const config = { replications: [scratch] };
    app = openCdkApp({ config, environment: {}, onLine: () => undefined });

    const { stdout, stderr } = spawnSync(process.execPath, [CDK, 'ls'], {
      cwd: dirname(app.config),
      encoding: 'utf8',
    });

    const listed = stdout.split('\n');
    expect(stderr).not.toMatch(/error/i);
    expect(listed).toEqual(expect.arrayContaining(scratchStacks(scratch).map(({ name }) => name)));
    const others = listed.filter(
      (line) => line.startsWith('ferry-') && !line.includes('rehearsal'),
    );
    expect(others.toSorted()).toEqual(['ferry-switch-eu-west-1', 'ferry-switch-us-east-1']);
  }, 120_000);
});

const KEY = { name: 'pk', type: 'S' };
const CDK = packageFile('node_modules/aws-cdk/bin/cdk');
