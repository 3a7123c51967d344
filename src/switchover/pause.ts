// Pauses and resumes a replication. A pause disables the event source mappings, and writes down in the control
// row that it was meant: a deployment may enable a mapping again, and the function then holds every record.

import {
  type ControlRow,
  type FoundControl,
  type Paused,
  standingOf,
  withPause,
} from '../model/control-row.ts';
import { pauseFrom } from '../status/pause.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { LedgerRules } from '../model/rules.ts';
import { FerryError } from '../errors.ts';
import type { TwinReader, TwinWriter, EventSource } from '../ports.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { retry, OUTAGES } from '../pacing/retry.ts';
import { whatHappened } from '../failures/what-happened.ts';
import { changeRow } from './change-row.ts';
import { type SwitchContext, switchMappings } from './switch-mappings.ts';

export interface PauseContext extends SwitchContext {
  readonly rules: LedgerRules;
  readonly twinReader: TwinReader;
  readonly twinWriter: TwinWriter;
  /** Of this run: tells a control row that it has written from another's. */
  readonly tag: string;
}

/** Whether the pause is written down. */
type Mark = { readonly kind: 'marked' } | { readonly kind: 'unmarked'; readonly why: string };

export interface PauseResult {
  readonly paused: Paused;
  readonly mark: Mark;
}

/**
 * Disables first and writes afterwards: whatever fails, nothing is replicated from then on.
 * @param lagMs how far the twin is behind; 0 where that is not known.
 * @throws what `switchMappings` throws. A pause that cannot be written down is a result.
 */
export async function pause(lagMs: number, context: PauseContext): Promise<PauseResult> {
  const all = await retry(() => context.mappings.list(), context);
  const paused = pauseFrom(pausedSince(all, context.clock.now()), lagMs);
  await switchMappings(all, false, context);
  try {
    const found = await changePause(
      (row) => (row.paused === undefined ? paused : undefined),
      context,
    );
    if (found.kind === 'row') return { paused: found.row.paused ?? paused, mark: MARKED };
    return { paused, mark: { kind: 'unmarked', why: unmarkable(found) } };
  } catch (error) {
    if (error === context.stop.reason) throw error;
    return { paused, mark: { kind: 'unmarked', why: whatHappened(error) } };
  }
}

const MARKED: Mark = { kind: 'marked' };

/** Why a pause cannot be written down. */
export function unmarkable(found: Exclude<FoundControl, { readonly kind: 'row' }>): string {
  return found.kind === 'missing' ? 'there is no control row yet' : found.problem;
}

/** A mapping that was disabled before has waited since. */
export function pausedSince(all: readonly EventSource[], nowMs: number): number {
  const since = all.map(({ state, changedAtMs }) =>
    state === 'Disabled' ? (changedAtMs ?? nowMs) : nowMs,
  );
  return Math.min(nowMs, ...since);
}

/** What a resume has done. */
export interface ResumeResult {
  /** Undefined where no pause was written down. */
  readonly paused: Paused | undefined;
  readonly enabled: readonly EventSource[];
  /** Of streams that may not write: their mappings stay as they were. */
  readonly left: readonly EventSource[];
  /** Why the control row could not be read or changed: then a pause is still written down there. */
  readonly unreached: string | undefined;
}

/** Why the control row could not be read or changed. */
interface Unreached {
  readonly kind: 'unreached';
  readonly why: string;
}

/**
 * Changes the control row first: with the mark, the function would hold every record. Where the destination cannot be
 * reached, it enables all the same: Lambda then puts into the bucket what the stream would lose.
 * @throws FerryError `resume.no-mapping` or `control.unreadable`, or what `switchMappings` throws.
 */
export async function resume(context: PauseContext): Promise<ResumeResult> {
  const all = await retry(() => context.mappings.list(), context);
  const before = await controlNow(context);
  const { paused } = planResume(all, before);
  const change = (row: ControlRow) => (row.paused === undefined ? undefined : 'resumed');
  const found =
    before.kind === 'unreached' ? before : await reached(changePause(change, context), context);
  const { enabled, left, unreached } = planResume(all, found);
  await switchMappings(enabled, true, context);
  return { paused, enabled, left, unreached };
}

/** @throws what is no outage: a missing table, or permissions. */
export function controlNow(context: PauseContext): Promise<FoundControl | Unreached> {
  return reached(
    retry(() => readControl(context.rules, context.twinReader), context),
    context,
  );
}

/** A table that is not there will not come back by itself. */
function isOutage(error: unknown): boolean {
  const { kind, name } = classifyFailure(error);
  return OUTAGES.includes(kind) && name !== 'ResourceNotFoundException';
}

async function reached(
  row: Promise<FoundControl>,
  { stop }: PauseContext,
): Promise<FoundControl | Unreached> {
  try {
    return await row;
  } catch (error) {
    if (error instanceof FerryError || error === stop.reason || !isOutage(error)) throw error;
    return { kind: 'unreached', why: whatHappened(error) };
  }
}

/**
 * What a resume does, and a dry run tells.
 * @throws FerryError `resume.no-mapping` or `control.unreadable`.
 */
export function planResume(
  all: readonly EventSource[],
  found: FoundControl | Unreached,
): ResumeResult {
  if (all.length === 0) throw noMapping();
  if (found.kind === 'unreadable') throw unreadable(found.problem);
  const enabled = all.filter((mapping) => mayWrite(mapping, found));
  return {
    paused: found.kind === 'row' ? found.row.paused : undefined,
    enabled,
    left: all.filter((mapping) => !enabled.includes(mapping)),
    unreached: found.kind === 'unreached' ? found.why : undefined,
  };
}

function mayWrite({ streamArn }: EventSource, found: FoundControl | Unreached): boolean {
  return found.kind !== 'row' || standingOf(streamArn, found.row).kind === 'current';
}

/** @param change undefined where the row is as it should be. */
function changePause(
  change: (row: ControlRow) => Paused | 'resumed' | undefined,
  context: PauseContext,
): Promise<FoundControl> {
  const { rules, twinReader, tag } = context;
  const changed = (row: ControlRow) => {
    if (row.switch !== undefined || row.closing === true) throw switching(row);
    const wanted = change(row);
    return wanted && withPause(row, wanted === 'resumed' ? undefined : wanted, tag);
  };
  return changeRow(changed, { ...context, readRow: () => readControl(rules, twinReader) });
}

function switching({ switch: record }: ControlRow): FerryError {
  const by = record === undefined ? 'an epoch is being opened' : `${record.by} is switching it`;
  return new FerryError(`The control row cannot be changed now: ${by}.`, {
    code: 'switching.lease',
    hint: '`ferry status` shows how far it is. Run the command again when it has ended.',
  });
}

function noMapping(): FerryError {
  return new FerryError('The replicate function has no event source mapping.', {
    code: 'resume.no-mapping',
    hint: 'Deploy the replication with `npx cdk deploy --all`.',
  });
}

function unreadable(problem: string): FerryError {
  return new FerryError(`The control row cannot be read: ${problem}.`, {
    code: 'control.unreadable',
    hint: 'Use the release that wrote it, or a later one.',
  });
}
