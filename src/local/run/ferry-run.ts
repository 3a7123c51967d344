// `ferry run` as an operator starts it, in a process of its own, between the tables of a local world.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Credentials } from '../../aws/access.ts';
import { FerryError } from '../../errors.ts';
import { packageFile } from '../../package-files.ts';
import type { Cleanup } from './cleanup.ts';
import { keepConfig } from './kept-config.ts';
import {
  createTwin,
  inOneDirection,
  type LocalPlace,
  type LocalWorldOptions,
  openLocalPlace,
} from './local-place.ts';

export interface FerryRunOptions {
  readonly config: string;
  /** Folder for the letters. */
  readonly letters: string;
  readonly credentials: Credentials;
  /** Further options of the command. */
  readonly args?: readonly string[] | undefined;
  /** Text of a module that the process loads first. */
  readonly preload?: string | undefined;
  /** Gets each line of its log. */
  readonly onLogLine: (line: string) => void;
}

export interface FerryRun {
  readonly child: ChildProcess;
  /** Rejects when the process ends and stop() was not called; never settles otherwise. */
  readonly lost: Promise<never>;
  /** Ends it as a service manager does, and resolves with its exit code: null where a signal has killed it. */
  stop(): Promise<number | null>;
}

/** Ends the process with its parent, however that one ends. */
const WITH_ITS_PARENT = 'process.on("disconnect", () => process.exit(1)); process.channel.unref();';

export function startFerryRun(options: FerryRunOptions): FerryRun {
  const { config, letters, credentials, args = [], preload = '', onLogLine } = options;
  const loaded = encodeURIComponent(`${WITH_ITS_PARENT}\n${preload}`);
  const places = ['--config', config, '--letters', letters, '--listen', 'none'];
  const child = fork(packageFile('bin/ferry.cjs'), ['run', ...places, ...args], {
    execArgv: ['--import', `data:text/javascript,${loaded}`],
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Out of reach of a terminal's Ctrl-C: what is on its way arrives first.
    detached: true,
  });
  let lastLine = '';
  if (child.stderr !== null)
    createInterface(child.stderr).on('line', (line) => {
      lastLine = line;
      onLogLine(line);
    });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  let stopping = false;
  const lost = ended.then((code) =>
    stopping ? new Promise<never>(() => undefined) : fail(code, lastLine),
  );
  lost.catch(() => undefined);
  return {
    child,
    lost,
    stop() {
      stopping = true;
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function fail(code: number | null, lastLine: string): never {
  throw new FerryError(`ferry run has ended with ${code ?? 'a signal'}: ${lastLine}`, {
    code: 'local.run.lost',
    hint: 'Run it again.',
  });
}

export interface RunWorld extends LocalPlace, Pick<FerryRun, 'child' | 'lost'> {}

/** As `startLocalWorld`, with the process in the place of the function and its event source mapping. */
export async function startRunWorld(
  options: LocalWorldOptions & Pick<FerryRunOptions, 'preload'>,
  cleanups: Cleanup[],
): Promise<RunWorld> {
  const place = await openRunPlace(options, cleanups);
  const run = startFerryRun({ ...options, ...place, onLogLine: () => undefined });
  cleanups.push(async () => {
    await run.stop();
  });
  return { ...place, child: run.child, lost: run.lost };
}

export interface RunPlace extends LocalPlace, Pick<FerryRunOptions, 'config' | 'letters'> {}

/**
 * The tables and a configuration file for it, with strict tombstones.
 * @param endpointOf what stands before the endpoint of the destination, if anything does.
 */
export async function openRunPlace(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
  endpointOf: (endpoint: string) => Promise<string> = (endpoint) => Promise.resolve(endpoint),
): Promise<RunPlace> {
  const replication = { ...inOneDirection(options.replication), tombstones: 'strict' } as const;
  const place = await openLocalPlace({ ...options, replication }, cleanups);
  await createTwin(place);
  const { endpoints = {} } = place.replication.source;
  const endpoint = await endpointOf(place.destination.endpoint);
  const kept = keepConfig({ ...place, endpoints, faults: { endpoint } }, undefined);
  cleanups.push(() => kept.remove());
  return { ...place, config: kept.path, letters: join(dirname(kept.path), 'letters') };
}
