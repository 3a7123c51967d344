// The right to write in one direction of a replication that can be switched: both copies of the control row, read not
// long ago. A writer asks before each write, and only a look that is too old costs requests.

import { LEASE_MS } from '../config/names.ts';
import { type Consent, consentOf, type ControlCopies } from '../model/control-copies.ts';
import type { FoundControl } from '../model/control-row.ts';
import type { LedgerRules } from '../model/rules.ts';
import { classifyFailure, type WriteFailure } from '../model/write-failure.ts';
import { FerryError } from '../errors.ts';
import { ageMostMs, type Moment, momentNow, type TwoClocks } from '../pacing/moment.ts';
import type { Log, TransactionWriter, TwinReader, TwinWriter } from '../ports.ts';
import { readControl } from './first-adoption.ts';

/** Where one copy is. */
export interface CopyPlace {
  readonly rules: LedgerRules;
  readonly reader: TwinReader;
}

export interface LeaseSetup extends TwoClocks {
  /** Beside the direction's source, and beside its destination. */
  readonly copies: Readonly<Record<keyof ControlCopies, CopyPlace>>;
  /** Of the direction's source: it writes only while this Region is active. */
  readonly region: string;
  readonly log?: Log;
}

/** What the copies have shown. */
interface Look {
  readonly copies: ControlCopies;
  readonly consent: Consent;
  /** Of a copy that could not be read. */
  readonly failure?: WriteFailure | undefined;
}

/**
 * To be asked right before each write.
 * @returns undefined where the write may start; otherwise a promise, which rejects with LeaseLost where it may not.
 */
export type Permit = () => Promise<void> | undefined;

export interface Lease {
  /** What the copies show, younger than a lease. Never rejects. */
  look(): Promise<Look>;
  /** For work that was begun in an epoch: it must not go on in a later one. */
  permit(epoch: number): Permit;
}

/** Nothing has been sent. For the function, the record is unfinished; a command ends. */
export class LeaseLost extends FerryError {
  override readonly name = 'LeaseLost';

  constructor(why: string) {
    super(`Nothing more is written in this direction: ${why}.`, {
      code: 'switching.lease',
      hint: 'Nothing is lost. Run the command again when `ferry status` shows which Region is active.',
    });
  }
}

const RENEW_MS = LEASE_MS / 2;
/** What could not be read, or is held, is not read again before. */
const AGAIN_MS = 1_000;

interface Reading extends Look {
  /** Before the requests were sent: what they show may have changed since. */
  readonly at: Moment;
}

export function switchLease({ copies, region, log, ...clocks }: LeaseSetup): Lease {
  let latest: Reading | undefined;
  let underWay: { readonly at: Moment; readonly done: Promise<Reading> } | undefined;
  const ageOf = (at: Moment) => ageMostMs(at, clocks);
  const readNow = async (at: Moment): Promise<Reading> => {
    const reading = { at, ...(await readCopies(copies, log)) };
    const isOlder = latest !== undefined && latest.at.monotonicMs > at.monotonicMs;
    // A failure takes nothing away from a lease that is good for a while.
    const isWorse =
      latest !== undefined && reading.failure !== undefined && ageOf(latest.at) < LEASE_MS;
    if (!isOlder && !isWorse) latest = reading;
    return reading;
  };
  /** One at a time, but never one that a frozen sandbox has left behind. */
  const read = (): Promise<Reading> => {
    if (underWay === undefined || ageOf(underWay.at) >= AGAIN_MS) {
      const at = momentNow(clocks);
      underWay = { at, done: readNow(at) };
    }
    return underWay.done;
  };
  const inTime = (reading: Reading): Reading =>
    ageOf(reading.at) < LEASE_MS ? reading : { ...reading, ...tooSlow(reading.consent) };
  return {
    async look() {
      const lifeMs = latest?.consent.kind === 'open' ? LEASE_MS : AGAIN_MS;
      if (latest === undefined || ageOf(latest.at) >= lifeMs) return inTime(await read());
      if (ageOf(latest.at) >= RENEW_MS) void read();
      return latest;
    },
    permit: (epoch) => () => {
      const ageMs = latest === undefined ? Infinity : ageOf(latest.at);
      if (latest === undefined || ageMs >= LEASE_MS)
        return read().then((reading) => requireNone(obstacleIn(inTime(reading), epoch, region)));
      if (ageMs >= RENEW_MS) void read();
      const obstacle = obstacleIn(latest, epoch, region);
      return obstacle && Promise.reject(obstacle);
    },
  };
}

async function readCopies(places: LeaseSetup['copies'], log: Log | undefined): Promise<Look> {
  const [source, destination] = await Promise.all([
    readCopy(places.source),
    readCopy(places.destination),
  ]);
  const failure = source.failure ?? destination.failure;
  if (failure !== undefined) log?.({ event: 'control.unreadable', error: failure.name });
  const copies = { source: source.found, destination: destination.found };
  return { copies, consent: consentOf(copies), failure };
}

interface Copy {
  readonly found: FoundControl;
  readonly failure?: WriteFailure;
}

async function readCopy({ rules, reader }: CopyPlace): Promise<Copy> {
  try {
    return { found: await readControl(rules, reader) };
  } catch (error) {
    const failure = classifyFailure(error);
    const problem = `${rules.stateTable} cannot be read: ${failure.name}`;
    return { found: { kind: 'unreadable', problem }, failure };
  }
}

function tooSlow({ own }: Consent): Pick<Reading, 'consent' | 'failure'> {
  const message = 'the copies of the control row were read too slowly';
  const failure: WriteFailure = { kind: 'unreachable', name: 'TooSlow', message };
  return { consent: { kind: 'held', why: message, own }, failure };
}

function obstacleIn({ consent }: Look, epoch: number, region: string): LeaseLost | undefined {
  if (consent.kind === 'held') return new LeaseLost(consent.why);
  const { n, region: active } = consent.epoch;
  if (n !== epoch) return new LeaseLost(`epoch ${epoch} has ended, and epoch ${n} is open`);
  return active === region ? undefined : new LeaseLost(`${active} is active`);
}

function requireNone(obstacle: LeaseLost | undefined): void {
  if (obstacle !== undefined) throw obstacle;
}

/** The same writer, which writes only while `permit` holds. Nearly always there is nothing to wait for. */
export function leasedWriter(writer: TwinWriter, permit: Permit): TwinWriter {
  return {
    write: (request) => permit()?.then(() => writer.write(request)) ?? writer.write(request),
  };
}

/** The same of transactions. */
export function leasedTransactions(writer: TransactionWriter, permit: Permit): TransactionWriter {
  return {
    transact: (input) => permit()?.then(() => writer.transact(input)) ?? writer.transact(input),
  };
}
