// Steps 1 and 2 of a switch, claim and fence; and their end, if the switch is cancelled: both copies are opened first,
// and only then is the fence taken away.

import { CLOSE_WAIT_MS, FENCE_DENIALS_MS } from '../config/names.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { momentNow, waitLeftMs } from '../pacing/moment.ts';
import { checkedTime } from './clock-check.ts';
import { changeBoth, changeCopy, createMissing, requireOwn, setFence } from './copies.ts';
import { deleteMarkers } from './markers.ts';
import { endWith, goOn, type Phase, type SwitchWork } from './run.ts';
import type { SwitchPorts } from './ports.ts';
import type { StepResult } from './step.ts';

/** A policy takes effect within it, or not at all. */
const FENCE_TRIES_MS = 180_000;
export const PROBE_EVERY_MS = 1_000;

/**
 * Opens both copies, whatever an earlier run has left: nothing goes on from its close. From now on, its late requests
 * are refused.
 */
export const claim: Phase = async (work, ports) => {
  if (work.isClaimed) await requireOwn(work, ports);
  else await takeRecord(work, ports);
  work.isClaimed = true;
  work.claimedAt ??= momentNow(ports);
  if (work.finishes) return goOn(work, 'admitting');
  if (work.before !== undefined) {
    const waitMs = await setFence('target', { inboundRefused: false }, { work, ports });
    if (waitMs > 0) return goOn(work, 'claiming', waitMs);
  }
  if (work.request.kind === 'cancel') {
    work.cancelledFor = 'an operator has cancelled it';
    return goOn(work, 'unfencing');
  }
  return goOn(work, work.isAhead ? 'fencing' : 'ahead');
};

async function takeRecord(work: SwitchWork, ports: SwitchPorts): Promise<void> {
  // A run that has claimed since this one looked first has the switch.
  const known = [...work.ids, work.id];
  const { n } = newestEpoch(work.row);
  const mayTake = (row: ControlRow) =>
    newestEpoch(row).n === n && (row.switch === undefined || known.includes(row.switch.id));
  const change = { work, ports, mayTake };
  if (work.finishes) {
    work.opened = await changeCopy('target', { step: 'opened' }, change);
    return;
  }
  if (work.request.kind !== 'cancel') await checkedTime(ports.target, ports);
  await createMissing(work, ports);
  await changeBoth({ step: 'claimed' }, change);
}

export const raiseFence: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  const { fence } = ports.old;
  const nowMs = ports.clock.now();
  const waitMs = await setFence('old', { fenced: true }, { work, ports });
  if (waitMs > 0) return goOn(work, 'fencing', waitMs);
  work.fencedAtMs ??= nowMs;
  work.ownFenceAtMs = work.calmSinceMs = nowMs;
  await changeBoth({ step: 'fenced' }, { work, ports });
  return goOn(work, fence.kind === 'policy' ? 'probing' : 'auditing');
};

export const probeFence: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  switch (await probeOnce(work, ports)) {
    case 'effective':
      return goOn(work, 'auditing');
    case 'spreading':
      return goOn(work, 'probing', PROBE_EVERY_MS);
    case 'open':
      return cancelFor(work, FENCE_OPEN);
  }
};

export const FENCE_OPEN = 'the fence does not hold: a write was not refused';

/** Changes of a policy spread slowly: only denials in a row, for a while, count. */
export async function probeOnce(
  work: SwitchWork,
  { old, clock }: SwitchPorts,
): Promise<'effective' | 'spreading' | 'open'> {
  const nowMs = clock.now();
  const isRefused = (await old.fence.probe()) === 'refused';
  work.refusedSinceMs = isRefused ? (work.refusedSinceMs ?? nowMs) : undefined;
  if (nowMs - (work.refusedSinceMs ?? nowMs) >= FENCE_DENIALS_MS) return 'effective';
  const isLate = nowMs - (work.ownFenceAtMs ?? nowMs) > FENCE_TRIES_MS;
  return !isRefused && isLate ? 'open' : 'spreading';
}

export function cancelFor(work: SwitchWork, why: string): StepResult {
  work.cancelledFor = why;
  return goOn(work, 'cancelling');
}

export const cancel: Phase = async (work, ports) => {
  await changeBoth({ step: 'claimed' }, { work, ports });
  return goOn(work, 'unfencing');
};

export const unfence: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  const waitMs = await setBoth(work, ports);
  if (waitMs > 0) return goOn(work, 'unfencing', waitMs);
  // A late request of the run before could still refuse the function, and would for good.
  const { claimedAt = momentNow(ports), before } = work;
  const leftMs = waitLeftMs(claimedAt, CLOSE_WAIT_MS, ports);
  if (before !== undefined && leftMs > 0) return goOn(work, 'unfencing', leftMs);
  return goOn(work, 'releasing');
};

async function setBoth(work: SwitchWork, ports: SwitchPorts): Promise<number> {
  const inboundMs = await setFence('target', { inboundRefused: false }, { work, ports });
  const fenceMs = await setFence('old', { fenced: false }, { work, ports });
  return Math.max(inboundMs, fenceMs);
}

/** Lets the record go: the last thing that a switch does. */
export const release: Phase = async (work, ports) => {
  const { opened, cancelledFor: why, proof, left, isReleased } = work;
  await requireOwn(work, ports, isReleased ? ['target'] : undefined);
  await deleteMarkers(work, ports);
  if (!isReleased) await changeCopy('old', { step: undefined }, { work, ports });
  await changeCopy('target', { step: undefined }, { work, ports });
  if (why !== undefined) return endWith(work, { kind: 'cancelled', why, active: ports.old.region });
  if (proof !== undefined) return endWith(work, { kind: 'switched', proof, left });
  const epoch = opened?.epochs.at(-1)?.n ?? work.epoch.n;
  return endWith(work, { kind: 'finished', active: ports.target.region, epoch });
};
