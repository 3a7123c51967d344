// A stub destination, as its users see it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import type { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { onCore } from './core-pinning.ts';

export interface Counts {
  readonly requests: number;
  readonly writeUnits: number;
}

export const COUNTS_PATH = '/counts';

export interface Stub {
  readonly child: ChildProcess;
  readonly endpoint: string;
}

/** @param countsUnits reads what it is sent, which takes time. */
export async function startStub(roundTripMs: number, countsUnits = false): Promise<Stub> {
  const program = ['bench/stub-server.ts', `${roundTripMs}`, `${Number(countsUnits)}`];
  const [command, ...rest] = onCore(1, [process.execPath, '--import', 'tsx', ...program]);
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  if (child.stdout === null) throw new Error('no output');
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, endpoint: `http://127.0.0.1:${port.toString().trim()}` };
}

/** The stub ends the connection, which a busy process may learn late. */
const UNSHARED = { agent: false };

export async function readCounts(endpoint: string): Promise<Counts> {
  const [response] = (await once(get(`${endpoint}${COUNTS_PATH}`, UNSHARED), 'response')) as [
    Readable,
  ];
  return (await json(response)) as Counts;
}
