// Two processes of `ferry run` for one replication, each started again after its death, as a service manager does. Which
// one holds the lease is known from their logs.

import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Credentials } from '../../src/aws/access.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { type FerryRun, type RunPlace, startFerryRun } from '../../src/local/run/ferry-run.ts';
import { startCommand } from './commands.ts';
import { until } from './disturbance.ts';

export interface RunPair {
  /** The last lines of processes that ended at work without a signal of ours. */
  readonly died: readonly string[];
  /** Of those that ended before they were at work: they are started again. */
  readonly failedStarts: readonly string[];
  /** Whether one holds the lease and the other one waits for it. */
  isReady(): boolean;
  /** Resolves once that is so. */
  ready(): Promise<void>;
  /** Kills the holder. @returns milliseconds until the other one had the lease. */
  killHolder(): Promise<number>;
  /** Stops the holder, not kills it, until the other one has the lease; then both go on. */
  freezeHolder(): Promise<number>;
  killStandby(): Promise<void>;
  /** Files in the letters folders of both. */
  letters(): number;
  /** Ends both in an orderly way. @returns their exit codes. */
  stop(): Promise<Array<number | null>>;
  /** Another process, which ends once everything is settled. @returns its exit code. */
  catchUp(): Promise<number | null>;
  /** Redrives the letters of both. */
  redrive(): Promise<{ readonly redriven: number; readonly left: number }>;
  /** For the end, whatever has happened. */
  kill(): void;
}

const RESTART_MS = 500;

type OnEnd = (state: Hand['state'], lastLine: string) => void;

class Hand {
  state: 'starting' | 'standby' | 'holder' = 'starting';
  run: FerryRun;
  stopping = false;
  readonly letters: string;
  readonly #start: () => FerryRun;

  constructor(letters: string, start: (hand: Hand) => FerryRun, onEnd: OnEnd) {
    this.letters = letters;
    this.#start = () => {
      this.state = 'starting';
      const run = start(this);
      run.lost.catch((error: Error) => {
        if (run.child.signalCode === null) onEnd(this.state, error.message);
        this.state = 'starting';
        if (!this.stopping) void delay(RESTART_MS).then(() => this.restart());
      });
      return run;
    };
    this.run = this.#start();
  }

  restart(): void {
    if (!this.stopping) this.run = this.#start();
  }

  signal(signal: NodeJS.Signals): void {
    this.run.child.kill(signal);
  }
}

export function startRunPair(place: RunPlace, credentials: Credentials): RunPair {
  const [died, failedStarts]: [string[], string[]] = [[], []];
  const onEnd: OnEnd = (state, line) => (state === 'starting' ? failedStarts : died).push(line);
  const hands = ['a', 'b'].map((name) => {
    const letters = join(dirname(place.config), `letters-${name}`);
    const start = (hand: Hand) =>
      startFerryRun({
        ...place,
        letters,
        credentials,
        onLogLine: (line) => (hand.state = stateAfter(line) ?? hand.state),
      });
    return new Hand(letters, start, onEnd);
  });
  const one = (state: Hand['state']) => hands.find((hand) => hand.state === state);
  const required = (state: Hand['state']) => {
    const found = one(state);
    if (found === undefined) throw new Error(`there is no ${state}`);
    return found;
  };
  const isReady = () => one('holder') !== undefined && one('standby') !== undefined;
  /** By the standby, or by the process after the holder where that one has ended meanwhile. */
  const takeoverFrom = async ({ run }: Hand) => {
    const sinceMs = performance.now();
    const isTaken = () => hands.some((hand) => hand.state === 'holder' && hand.run !== run);
    await until('a takeover', isTaken);
    return performance.now() - sinceMs;
  };
  return {
    died,
    failedStarts,
    isReady,
    ready: () => until('a holder and a standby', isReady),
    async killHolder() {
      const holder = required('holder');
      holder.signal('SIGKILL');
      return takeoverFrom(holder);
    },
    async freezeHolder() {
      const holder = required('holder');
      holder.signal('SIGSTOP');
      try {
        return await takeoverFrom(holder);
      } finally {
        holder.signal('SIGCONT');
      }
    },
    async killStandby() {
      const { run } = required('standby');
      run.child.kill('SIGKILL');
      await run.lost.catch(() => undefined);
    },
    letters: () => hands.reduce((sum, { letters }) => sum + filesIn(letters), 0),
    stop() {
      for (const hand of hands) hand.stopping = true;
      return Promise.all(hands.map(({ run }) => run.stop()));
    },
    async catchUp() {
      const [{ letters }] = hands as [Hand];
      const args = ['--until-caught-up'];
      const options = { ...place, letters, credentials, args, onLogLine: () => undefined };
      const { child } = startFerryRun(options);
      const [code] = (await once(child, 'close')) as [number | null];
      return code;
    },
    async redrive() {
      const ends = { redriven: 0, left: 0 };
      for (const { letters } of hands) {
        const { found, left } = await redriven(letters, place);
        ends.redriven += found - left;
        ends.left += left;
      }
      return ends;
    },
    kill() {
      for (const hand of hands) {
        hand.stopping = true;
        hand.signal('SIGKILL');
      }
    },
  };
}

/** Without what is only half written. */
function filesIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.json')).length;
}

/** What a line of the log says about its process. */
function stateAfter(line: string): Hand['state'] | undefined {
  if (line.includes('"lease.held"')) return 'holder';
  return /"(?:lease\.lost|replication\.standby)"/.test(line) ? 'standby' : undefined;
}

async function redriven(letters: string, { config }: RunPlace) {
  const args = ['redrive', '--letters', letters, '--apply', '--yes', '--json'];
  const { stdout, stderr, exitCode } = await startCommand(args, { config }).finished;
  if (exitCode !== 0) throw new Error(`the redrive ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout) as { readonly found: number; readonly left: number };
}

/** Between new tables with a partition key. */
export function replicationNamed(name: string): ReplicationConfig {
  const table = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const [only] = parseConfig({
    replications: [
      {
        name,
        tombstones: 'strict',
        source: { region: 'us-east-1', table: 'Orders', ...table },
        destination: { region: 'eu-west-1', table: 'Orders', ...table },
      },
    ],
  }).replications;
  if (only === undefined) throw new Error('no replication');
  return only;
}
