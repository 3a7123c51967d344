// Activates the target alone, because the Region of the other side is lost: ends its epoch, opens the next one after
// every request of a function there is dead, and lets applications in. Each call does a bounded piece of it.

import { CLOSE_WAIT_MS } from '../config/names.ts';
import { type ControlRow, type Epoch, newestEpoch } from '../model/control-row.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { FerryError, UsageError } from '../errors.ts';
import { retry } from '../pacing/retry.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { requireClock } from './clock-check.ts';
import { AuditMemory } from './audit-memory.ts';
import { changeCopy, readCopy, requireOwn } from './copies.ts';
import { type ArrivalReading, arrivalsOf, readArrivals, rpoSeconds } from './newest-arrivals.ts';
import type { SwitchPorts } from './ports.ts';
import { PROOF_FORMAT, putProof, type SwitchProof } from './proof.ts';
import { openedEpochs } from './rows.ts';
import { endWith, goOn, newWork, NO_COUNTS, type SwitchState, type SwitchWork } from './run.ts';
import type { StepResult, SwitchPhase } from './step.ts';
import { compareTally, newTallyReading, raiseEpoch, type TallyReading } from './tallying.ts';

interface LostWork extends SwitchWork {
  readonly arrivals: ArrivalReading;
  /** All shards have been read to their tips. */
  isMeasured: boolean;
  readonly tally: TallyReading;
}

type LostPhase = (work: LostWork, ports: SwitchPorts) => Promise<StepResult>;

/** @throws UsageError where the Region answers, or FerryError where the copy cannot be used. */
export async function nextLostStep(state: SwitchState, ports: SwitchPorts): Promise<StepResult> {
  // What the request asks for stays the same from the first call to the last.
  const work = state.work as LostWork | undefined;
  if (work === undefined) return begin(state, ports);
  if (work.isClaimed) await requireOwn(work, ports, ['target']);
  const phase = PHASES[work.phase];
  if (phase === undefined) throw new Error(`a lost Region has no phase ${work.phase}`);
  return phase(work, ports);
}

const PHASES: Partial<Record<SwitchPhase, LostPhase>> = {
  measuring,
  closing,
  fencing,
  waiting,
  opening,
  admitting,
  releasing,
};

async function begin(state: SwitchState, ports: SwitchPorts): Promise<StepResult> {
  const { request } = state;
  const { target, clock } = ports;
  const row = await requireRow(ports);
  const epoch = newestEpoch(row);
  const isActive = epoch.region === target.region;
  const isOpen = isActive && row.closing !== true;
  if (isActive && !isOpen && row.switch?.target !== target.region) throw mayBeOpen(ports);
  // A switch to here that was killed at its end, or one from here that has closed nothing: applications may be refused.
  const finishes = isOpen && row.switch !== undefined;
  if (isOpen && !finishes) {
    const result = { kind: 'already', active: target.region, epoch: epoch.n } as const;
    return { phase: 'done', counts: NO_COUNTS, waitMs: 0, result };
  }
  if (request.evenIfReachable !== true && (await isReachable(ports))) throw reachable(ports);
  const audit = new AuditMemory({ row, epoch, accepted: new Set() });
  const phase: SwitchPhase = !request.apply ? 'measuring' : finishes ? 'admitting' : 'closing';
  const known = {
    row,
    epoch,
    audit,
    phase,
    finishes,
    before: row.switch,
    letters: [],
  };
  const work: LostWork = {
    ...newWork(state, { ...known, nowMs: clock.now() }),
    arrivals: new Map(),
    isMeasured: false,
    tally: newTallyReading(),
  };
  state.work = work;
  if (finishes && request.apply) await takeOver(work, ports);
  return goOn(work, phase);
}

async function requireRow(ports: SwitchPorts): Promise<ControlRow> {
  const found = await readCopy(ports.target, ports);
  const { region } = ports.target;
  if (found.kind === 'unreadable')
    throw new FerryError(`The control row in ${region} cannot be read: ${found.problem}.`, {
      code: 'control.unreadable',
      hint: 'Use the release that wrote it, or a later one.',
    });
  if (found.kind === 'row') return found.row;
  throw new FerryError(`There is no control row in ${region}.`, {
    code: 'switching.not-adopted',
    hint: 'Run `ferry adopt --as-is` or `ferry adopt`: without a control row, Ferry cannot say which epoch has ended.',
  });
}

/** Any answer counts, also a refusal: then a planned switch is possible, or soon will be. */
async function isReachable({ old }: SwitchPorts): Promise<boolean> {
  for (let tries = 1; tries <= REACH_TRIES; tries += 1) {
    try {
      await readControl(old.rules, old.reader);
      return true;
    } catch (error) {
      if (isRefusal(error)) return true;
      if (classifyFailure(error).kind === 'denied') throw unasked(old.region, error);
    }
  }
  return false;
}

const REACH_TRIES = 3;

/** The service blames the request: a table that is not there is missing in a Region that works. */
function isRefusal(error: unknown): boolean {
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
  const { httpStatusCode = 0 } = $metadata ?? {};
  return httpStatusCode >= 400 && httpStatusCode < 500;
}

/** Without credentials, no request is sent. */
function unasked(region: string, cause: unknown): UsageError {
  const { name, message } = classifyFailure(cause);
  return new UsageError(
    `It is not known whether DynamoDB answers in ${region}: ${name}: ${message}`,
    {
      code: 'switching.unasked',
      hint: 'Correct the credentials for that side. If they are not to be had without that Region, add --even-if-reachable.',
      cause,
    },
  );
}

function reachable({ old }: SwitchPorts): UsageError {
  return new UsageError(`DynamoDB answers in ${old.region}: the Region is not lost.`, {
    code: 'switching.reachable',
    hint: 'Use `ferry failover` without --source-lost, which loses nothing. If the Region must be left although it answers, add --even-if-reachable.',
  });
}

/** The other side was closed, and opened or not: that is not known here. */
function mayBeOpen({ old, target }: SwitchPorts): UsageError {
  return new UsageError(
    `A switch from ${target.region} to ${old.region} has closed both sides, and may have opened ${old.region}.`,
    {
      code: 'switching.half-open',
      hint: `When ${old.region} is back, run \`ferry failback\` or \`ferry failover\` to it again, or cancel it.`,
    },
  );
}

async function measuring(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  const isLong = ports.clock.now() - work.startedAtMs > MEASURE_MS_MAX;
  if (!(await measureOn(work, ports)) && !isLong) return goOn(work, 'measuring');
  const [from, to] = [ports.old.region, ports.target.region];
  return endWith(work, { kind: 'lost-preview', from, to, newest: arrivalsOf(work.arrivals) });
}

/** Of a dry run. A run that switches reads while it waits. */
const MEASURE_MS_MAX = 60_000;

async function measureOn(work: LostWork, ports: SwitchPorts): Promise<boolean> {
  const { stream, rules } = ports.target;
  const place = { stream, reserved: rules.reservedAttribute };
  work.isMeasured ||= await readArrivals(work.arrivals, place, ports);
  return work.isMeasured;
}

/** An estimate holds nothing up: applications are refused meanwhile. What has not been read is not in it. */
async function estimateOn(work: LostWork, ports: SwitchPorts): Promise<void> {
  try {
    await measureOn(work, ports);
  } catch {
    work.isMeasured = true;
  }
}

/** Claims the copy as well: what a predecessor sends late is refused from now on. */
async function closing(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  await requireClock(ports.target, ports);
  const { n, region } = work.epoch;
  // First of all: nothing else stops applications in a Region that is cut off.
  await raiseEpoch(region === ports.target.region ? n : n + 1, ports);
  const close = (row: ControlRow) => ({
    step: 'closed' as const,
    closing: true as const,
    epochs: lostEpochs(row, ports, ports.clock.now()),
  });
  await changeCopy('target', close, { work, ports, mayTake: isSame(work) });
  work.isClaimed = true;
  work.closedAtMs = ports.clock.now();
  return goOn(work, 'fencing');
}

/** As it was when this run looked first, or as this run has written it. */
function isSame({ id, row: { revision } }: SwitchWork) {
  return (row: ControlRow) => row.switch?.id === id || row.revision === revision;
}

/** The lost epoch ends where the next one begins. A run that takes over sets the time anew. */
function lostEpochs(row: ControlRow, { target }: SwitchPorts, nowMs: number): readonly Epoch[] {
  if (newestEpoch(row).region !== target.region) return openedEpochs(row, target, nowMs, 'lost');
  const { toMs: _, end, ...ended } = row.epochs.at(-2) ?? newestEpoch(row);
  if (end !== 'lost') throw new Error('a copy that is closing, and no epoch of it was lost');
  const epochs = [...row.epochs.slice(0, -2), ended];
  return openedEpochs({ ...row, epochs }, target, nowMs, 'lost');
}

/** A function in a Region that is cut off may go on: it loses the right to write here. There is no probe for that. */
async function fencing(work: LostWork, { target, clock }: SwitchPorts): Promise<StepResult> {
  const waitMs = await target.fence.set({ inboundRefused: true }, work.id);
  if (waitMs > 0) return goOn(work, 'fencing', waitMs);
  work.closedAtMs = clock.now();
  return goOn(work, 'waiting');
}

async function waiting(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  if (!work.isMeasured) await estimateOn(work, ports);
  const isCompared = await compareTally(work.tally, ports);
  const leftMs = (work.closedAtMs ?? 0) + CLOSE_WAIT_MS - ports.clock.now();
  // Applications must know of stale items from the beginning.
  if (leftMs <= 0 && isCompared) return goOn(work, 'opening');
  return goOn(work, 'waiting', isCompared ? Math.min(leftMs, WAIT_MS) : 0);
}

const WAIT_MS = 1_000;

async function opening(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  await requireClock(ports.target, ports);
  const open = (row: ControlRow) => ({
    step: 'opened' as const,
    epochs: lostEpochs(row, ports, ports.clock.now()),
  });
  work.opened = await changeCopy('target', open, { work, ports });
  return goOn(work, 'admitting');
}

/** Only now: while the copy was closing, a write of an application would have belonged to no epoch. */
async function admitting(work: LostWork, { target, clock }: SwitchPorts): Promise<StepResult> {
  const waitMs = await target.fence.set({ fenced: false }, work.id);
  if (waitMs > 0) return goOn(work, 'admitting', waitMs);
  work.admittedAtMs = clock.now();
  return goOn(work, 'releasing');
}

/** A planned switch that has opened this Region keeps its record: the other Region has to learn of its end. */
async function releasing(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  const { region } = ports.target;
  if (work.finishes) {
    const isOver = work.row.epochs.at(-2)?.end !== 'drained' || work.before?.target !== region;
    if (isOver) await changeCopy('target', { step: undefined }, { work, ports });
    return endWith(work, { kind: 'finished', active: region, epoch: work.epoch.n });
  }
  const proof = proofOf(work, ports);
  await retry(() => ports.target.writer.write(putProof(proof, ports.target.rules)), ports);
  await changeCopy('target', { step: undefined }, { work, ports });
  return endWith(work, { kind: 'switched', proof, left: [] });
}

/** What opened the epoch may not have said so in the third Region. */
async function takeOver(work: LostWork, ports: SwitchPorts): Promise<void> {
  work.isClaimed = true;
  await changeCopy('target', { step: 'opened' }, { work, ports, mayTake: isSame(work) });
  await raiseEpoch(work.epoch.n, ports);
}

function proofOf(work: LostWork, ports: SwitchPorts): SwitchProof {
  const { replication, old, target } = ports;
  const { startedAtMs, admittedAtMs = startedAtMs, opened, epoch, arrivals, id, request } = work;
  const newest = arrivalsOf(arrivals);
  const time = (ms: number) => new Date(ms).toISOString();
  return {
    format: PROOF_FORMAT,
    replication,
    from: old.region,
    to: target.region,
    epochs: { ended: endedBy(opened) ?? epoch.n, opened: newestEpoch(opened ?? work.row).n },
    shards: newest.length,
    records: 0,
    keys: 0,
    applied: 0,
    lettersAccepted: [],
    writesRefused: { from: time(startedAtMs), to: time(admittedAtMs) },
    rpo: { seconds: rpoSeconds(newest, startedAtMs) ?? null, proven: false },
    rtoSeconds: (admittedAtMs - startedAtMs) / 1000,
    lookedAgain: { keys: 0, differences: 0 },
    ...(ports.tally !== undefined && {
      tally: { rows: work.tally.rows, quarantined: work.tally.quarantined },
    }),
    fence: target.fence.kind,
    switch: id,
    by: request.by,
  };
}

function endedBy(row: ControlRow | undefined): number | undefined {
  return row?.epochs.at(-2)?.n;
}
