// The epochs of a Region that is opened alone, because the other one is lost. Pure.

import { type ControlRow, type Epoch, newestEpoch } from '../model/control-row.ts';
import type { SwitchSide } from './ports.ts';
import { openedEpochs } from './rows.ts';

type Place = Pick<SwitchSide, 'region' | 'streamArn'>;

/**
 * A switch away from `region` has closed its copy, and may have opened the other Region. A run that opens this one alone
 * claims the copy, and keeps it closed: it adds no epoch before it opens.
 */
export function isHalfOpen(row: ControlRow, region: string): boolean {
  const { closing, switch: record } = row;
  const isOpeningHere = record?.target === region && record.step !== 'claimed';
  return closing === true && newestEpoch(row).region === region && !isOpeningHere;
}

/** A copy that is closing already has the lost epoch and the next one: a run that takes over sets the time anew. */
export function epochsAfterLoss(
  row: ControlRow,
  { target, old }: { readonly target: Place; readonly old: Place },
  nowMs: number,
): readonly Epoch[] {
  if (isHalfOpen(row, target.region)) return epochsAfterHalfOpen(row, { target, old }, nowMs);
  if (newestEpoch(row).region !== target.region) return openedEpochs(row, target, nowMs, 'lost');
  const { toMs: _, end, ...ended } = row.epochs.at(-2) ?? newestEpoch(row);
  if (end !== 'lost') throw new Error('a copy that is closing, and no epoch of it was lost');
  const epochs = [...row.epochs.slice(0, -2), ended];
  return openedEpochs({ ...row, epochs }, target, nowMs, 'lost');
}

/**
 * The other Region may have had the next epoch, whose writes none has seen: it is lost. In this copy it has no length, so
 * that each record of this Region is of the epoch before it, or of the one behind it. What the other Region lacks of the
 * epoch before it, its rejoin repairs.
 */
function epochsAfterHalfOpen(
  row: ControlRow,
  { target, old }: { readonly target: Place; readonly old: Place },
  nowMs: number,
): readonly Epoch[] {
  const epochs = openedEpochs(row, old, nowMs);
  return openedEpochs({ ...row, epochs }, target, nowMs, 'lost');
}

/**
 * The lost epoch in the copy of the Region that was lost, which ends now. A Region that had never opened it gets it
 * without length.
 */
export function epochsAtRejoin(
  { epochs }: Pick<ControlRow, 'epochs'>,
  { n, region, streams }: Epoch,
  nowMs: number,
): readonly Epoch[] {
  const newest = epochs.at(-1);
  if (newest === undefined || newest.end === 'lost') return epochs;
  if (newest.n === n) return [...epochs.slice(0, -1), { ...newest, toMs: nowMs, end: 'lost' }];
  const drained: Epoch = { ...newest, toMs: nowMs, end: 'drained' };
  const empty: Epoch = { n, region, fromMs: nowMs, streams, toMs: nowMs, end: 'lost' };
  return [...epochs.slice(0, -1), drained, empty];
}

/** Whether the Region that was lost had opened its epoch: applications may have written in it. */
export function hadOpened({ epochs }: Pick<ControlRow, 'epochs'>, { n }: Epoch): boolean {
  const lost = epochs.find((one) => one.n === n);
  return lost !== undefined && lost.fromMs !== lost.toMs;
}
