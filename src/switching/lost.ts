// Activates the target alone, because the Region of the other side is lost: ends its epoch, opens the next one after
// every request of a function there is dead, and lets applications in. Each call does a bounded piece of it.

import { CLOSE_WAIT_MS } from '../config/names.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { UsageError } from '../errors.ts';
import { momentNow, waitLeftMs } from '../pacing/moment.ts';
import { checkedTime } from './clock-check.ts';
import { AuditMemory } from './audit-memory.ts';
import { changeCopy, readCopy, requireOwn, setFence } from './copies.ts';
import { epochsAfterLoss, isHalfOpen } from './lost-epochs.ts';
import { type ArrivalReading, arrivalsOf, readArrivals, rpoSeconds } from './newest-arrivals.ts';
import { requireRow } from './plan.ts';
import type { SwitchPorts } from './ports.ts';
import type { SwitchProof } from './proof.ts';
import { proofOf, saveProof, savedProof, withAdmission } from './prove.ts';
import { requireUnreachable } from './reachable.ts';
import { endWith, goOn, newWork, endedAtOnce, type SwitchState, type SwitchWork } from './run.ts';
import type { StepResult, SwitchPhase } from './step.ts';
import { compareTally, newTallyReading, raiseEpoch, type TallyReading } from './tallying.ts';

interface LostWork extends SwitchWork {
  /** A switch to the other Region may have opened it. */
  readonly isHalfOpen: boolean;
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
  const row = requireRow(await readCopy(target, ports), target);
  const epoch = newestEpoch(row);
  const isActive = epoch.region === target.region;
  const isOpen = isActive && row.closing !== true;
  const isHalf = isHalfOpen(row, target.region);
  if (isHalf && request.evenIfHalfOpen !== true) throw mayBeOpen(ports);
  // A switch to here that was killed at its end, or one from here that has closed nothing: applications may be refused.
  const finishes = isOpen && row.switch !== undefined;
  if (isOpen && !finishes)
    return endedAtOnce({ kind: 'already', active: target.region, epoch: epoch.n });
  if (request.evenIfReachable !== true) await requireUnreachable(ports);
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
    isHalfOpen: isHalf,
    arrivals: new Map(),
    // Nothing can have arrived of an epoch that may have been opened since.
    isMeasured: isHalf,
    tally: newTallyReading(),
  };
  state.work = work;
  if (finishes && request.apply) await takeOver(work, ports);
  return goOn(work, phase);
}

/** The other side was closed, and opened or not: that is not known here. */
function mayBeOpen({ old, target }: SwitchPorts): UsageError {
  return new UsageError(
    `A switch from ${target.region} to ${old.region} has closed both sides, and may have opened ${old.region}.`,
    {
      code: 'switching.half-open',
      hint: `If ${old.region} comes back soon, run the command of that switch again, or cancel it. If not, add --even-if-half-open: what was written there since is stranded until the rejoin.`,
    },
  );
}

async function measuring(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  const isLong = ports.clock.now() - work.startedAtMs > MEASURE_MS_MAX;
  if (!(await measureOn(work, ports)) && !isLong) return goOn(work, 'measuring');
  const [from, to] = [ports.old.region, ports.target.region];
  const halfOpen = work.isHalfOpen && { sinceMs: work.fencedAtMs };
  const newest = arrivalsOf(work.arrivals);
  return endWith(work, { kind: 'lost-preview', from, to, newest, ...(halfOpen && { halfOpen }) });
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
  const nowMs = await checkedTime(ports.target, ports);
  // First of all: nothing else stops applications in a Region that is cut off.
  await raiseEpoch(nextEpoch(work, ports), ports);
  const closing = true as const;
  const close = (row: ControlRow) =>
    work.isHalfOpen
      ? { step: 'claimed' as const, closing }
      : {
          step: 'closed' as const,
          closing,
          epochs: epochsAfterLoss(row, ports, nowMs),
        };
  await changeCopy('target', close, { work, ports, mayTake: isSame(work) });
  work.isClaimed = true;
  work.claimedAt = momentNow(ports);
  return goOn(work, 'fencing');
}

/** The number of the epoch that is opened. */
function nextEpoch({ row }: LostWork, ports: SwitchPorts): number {
  return epochsAfterLoss(row, ports, ports.clock.now()).at(-1)?.n ?? 1;
}

/** As it was when this run looked first, or as this run has written it. */
function isSame({ id, row: { revision } }: SwitchWork) {
  return (row: ControlRow) => row.switch?.id === id || row.revision === revision;
}

/** A function in a Region that is cut off may go on: it loses the right to write here. There is no probe for that. */
async function fencing(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  const waitMs = await setFence(
    'target',
    { inboundRefused: true },
    { work, ports, sides: ['target'] },
  );
  if (waitMs > 0) return goOn(work, 'fencing', waitMs);
  work.closedAt = momentNow(ports);
  return goOn(work, 'waiting');
}

async function waiting(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  if (!work.isMeasured) await estimateOn(work, ports);
  const isCompared = await compareTally(work.tally, ports);
  const leftMs = waitLeftMs(work.closedAt ?? momentNow(ports), CLOSE_WAIT_MS, ports);
  // Applications must know of stale items from the beginning.
  if (leftMs <= 0 && isCompared) return goOn(work, 'opening');
  return goOn(work, 'waiting', isCompared ? Math.min(leftMs, WAIT_MS) : 0);
}

const WAIT_MS = 1_000;

async function opening(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  const nowMs = await checkedTime(ports.target, ports);
  // The proof first: a run that finishes this one's switch finds it.
  work.proof = lostProof(work, ports);
  await saveProof(work.proof, ports);
  const open = (row: ControlRow) => ({
    step: 'opened' as const,
    epochs: epochsAfterLoss(row, ports, nowMs),
  });
  work.opened = await changeCopy('target', open, { work, ports });
  return goOn(work, 'admitting');
}

/** Only now: while the copy was closing, a write of an application would have belonged to no epoch. */
async function admitting(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  const waitMs = await setFence('target', { fenced: false }, { work, ports, sides: ['target'] });
  if (waitMs > 0) return goOn(work, 'admitting', waitMs);
  work.admittedAtMs = ports.clock.now();
  return goOn(work, 'releasing');
}

/** A planned switch that has opened this Region keeps its record: the other Region has to learn of its end. */
async function releasing(work: LostWork, ports: SwitchPorts): Promise<StepResult> {
  const { admittedAtMs = ports.clock.now(), opened = work.row, before, finishes } = work;
  const { region } = ports.target;
  const { n } = newestEpoch(opened);
  const isToHere = before?.target === region && before.step !== 'rejoining';
  const isLost = opened.epochs.at(-2)?.end === 'lost';
  const isPlanned = finishes && isToHere && !isLost;
  const isOwn = isLost && (!finishes || isToHere);
  const proof = isOwn ? (work.proof ?? (await savedProof(n, ports))) : undefined;
  const proven = proof && withAdmission(proof, admittedAtMs);
  if (proven !== undefined) await saveProof(proven, ports);
  if (!isPlanned) await changeCopy('target', { step: undefined }, { work, ports });
  if (proven === undefined) return endWith(work, { kind: 'finished', active: region, epoch: n });
  return endWith(work, { kind: 'switched', proof: proven, left: [] });
}

/** What opened the epoch may not have said so in the third Region. */
async function takeOver(work: LostWork, ports: SwitchPorts): Promise<void> {
  work.isClaimed = true;
  // It stays the record of the switch that it is of: the other copy may have that switch's, too.
  const claim = ({ switch: held }: ControlRow) => ({
    step: held?.step ?? ('opened' as const),
    target: held?.target,
  });
  await changeCopy('target', claim, { work, ports, mayTake: isSame(work) });
  await raiseEpoch(work.epoch.n, ports);
}

/** Not a proof of RPO 0: what is known of the loss. */
function lostProof(work: LostWork, ports: SwitchPorts): SwitchProof {
  const { startedAtMs, fencedAtMs = startedAtMs, claimedAt, arrivals, isHalfOpen: isHalf } = work;
  const newest = arrivalsOf(arrivals);
  const opened = nextEpoch(work, ports);
  // All that the other Region may have accepted came after the fence of this one.
  const sinceFenceMs = (claimedAt?.wallMs ?? fencedAtMs) - fencedAtMs;
  const seconds = isHalf ? sinceFenceMs / 1000 : (rpoSeconds(newest, startedAtMs) ?? null);
  const { rows, quarantined } = work.tally;
  return {
    ...proofOf(work, ports, opened),
    epochs: { ended: opened - 1, opened },
    shards: newest.length,
    writesRefused: { from: new Date(fencedAtMs).toISOString() },
    rpo: { seconds, proven: false },
    ...(ports.tally !== undefined && { tally: { rows, quarantined } }),
    fence: ports.target.fence.kind,
  };
}
