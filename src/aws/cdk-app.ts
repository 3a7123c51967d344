// Ferry's own CDK app, deployed and destroyed by the CDK's command in a child process, from a folder that has one
// configuration file.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { UsageError, FerryError } from '../errors.ts';
import { packageFile } from '../package-files.ts';

interface CdkStack {
  readonly name: string;
  readonly profile: string | undefined;
}

export interface CdkApp {
  /** The configuration file. */
  readonly config: string;
  /**
   * In the given order, without the stacks that they depend on. Where `stop` is aborted, CloudFormation may go on.
   * @throws FerryError `cdk.failed`, or the reason of `stop`.
   */
  deploy(stacks: readonly CdkStack[], stop: AbortSignal): Promise<void>;
  /** In the reverse order. Stacks that are not there are left out. @throws FerryError `cdk.failed` */
  destroy(stacks: readonly CdkStack[]): Promise<void>;
  /** Removes the folder. */
  close(): void;
}

export interface CdkOptions {
  /** What the configuration file holds. */
  readonly config: object;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onLine: (line: string) => void;
  /** The command, and its first arguments. @default the CDK of this package */
  readonly command?: readonly [string, ...string[]];
}

/** @throws UsageError `cdk.missing` where Ferry was installed without its app. */
export function openCdkApp({ config, command = ownCdk(), ...options }: CdkOptions): CdkApp {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-rehearsal-'));
  const path = join(folder, 'ferry.json');
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`);
  writeFileSync(join(folder, 'cdk.json'), JSON.stringify(cdkSettings(path)));
  const call = (args: readonly string[], stop?: AbortSignal) =>
    callCdk({ ...options, command: [...command, ...args], folder, stop });
  const each = async (verb: readonly string[], stacks: readonly CdkStack[], stop?: AbortSignal) => {
    for (const [profile, names] of byProfile(stacks)) {
      const by = profile === undefined ? [] : ['--profile', profile];
      await call([...verb, ...names, '--exclusively', ...by], stop);
    }
  };
  return {
    config: path,
    deploy: (stacks, stop) => each(['deploy', ...DEPLOY_OPTIONS], stacks, stop),
    destroy: (stacks) => each(['destroy', '--force'], stacks.toReversed()),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const DEPLOY_OPTIONS = ['--require-approval', 'never', '--progress', 'events'];

/** Those of this repository, without its build: the command that runs was built, too. */
function cdkSettings(config: string): object {
  const { build: _, ...settings } = JSON.parse(readFileSync(packageFile('cdk.json'), 'utf8')) as {
    readonly build?: string;
    readonly context: object;
  };
  const app = [process.execPath, packageFile(APP)].map((part) => JSON.stringify(part)).join(' ');
  return { ...settings, app, context: { ...settings.context, config } };
}

const APP = 'dist/bin/app.js';
const CDK = 'node_modules/aws-cdk/bin/cdk';

function ownCdk(): [string, string] {
  if ([APP, CDK].every((file) => existsSync(packageFile(file))))
    return [process.execPath, packageFile(CDK)];
  throw new UsageError("A rehearsal on AWS deploys Ferry's own CDK app, which is not installed.", {
    code: 'cdk.missing',
    hint: 'Run the command in a copy of the repository of Ferry, after `npm ci`, or rehearse with --local.',
  });
}

/** One call for stacks that follow each other and are reached alike. */
function byProfile(stacks: readonly CdkStack[]): Array<[string | undefined, string[]]> {
  const calls: Array<[string | undefined, string[]]> = [];
  for (const { name, profile } of stacks) {
    const latest = calls.at(-1);
    if (latest !== undefined && latest[0] === profile) latest[1].push(name);
    else calls.push([profile, [name]]);
  }
  return calls;
}

interface Call extends Pick<CdkOptions, 'environment' | 'onLine'> {
  readonly command: readonly string[];
  readonly folder: string;
  readonly stop: AbortSignal | undefined;
}

const LINES_KEPT = 20;

async function callCdk({ command, folder, environment, onLine, stop }: Call): Promise<void> {
  stop?.throwIfAborted();
  const [program = '', ...args] = command;
  // In a process group of its own: Ctrl-C must not end a removal.
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...environment, CDK_DISABLE_CLI_TELEMETRY: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const end = () => child.kill('SIGINT');
  stop?.addEventListener('abort', end, { once: true });
  const latest: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (line.trim() === '') return;
      latest.push(line);
      if (latest.length > LINES_KEPT) latest.shift();
      onLine(line);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  stop?.removeEventListener('abort', end);
  stop?.throwIfAborted();
  if (code !== 0) throw failed(args, latest);
}

function failed(args: readonly string[], latest: readonly string[]): FerryError {
  const verb = args.find((word) => word === 'deploy' || word === 'destroy') ?? 'cdk';
  return new FerryError(`\`cdk ${verb}\` failed:\n${latest.join('\n')}`, {
    code: 'cdk.failed',
    hint: 'The last lines of the CDK say why. `ferry permissions` prints what a deployment needs; both Regions need `npx cdk bootstrap`.',
  });
}
