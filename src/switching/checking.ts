// The first look of a run: what both copies say there is to do, and what stands in the way. Nothing is changed.

import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { CLOSE_WAIT_MS, APPLICATION_QUIET_MS, FENCE_DENIALS_MS } from '../config/names.ts';
import { AuditMemory } from './audit-memory.ts';
import { readCopies } from './copies.ts';
import { isAccepted, openWork, whatIsOpen } from './open-work.ts';
import { planSwitch, type SwitchPlan } from './plan.ts';
import type { OpenLetter, SwitchPorts } from './ports.ts';
import {
  type Beginning,
  countsOf,
  endedAtOnce,
  newWork,
  NO_COUNTS,
  type SwitchState,
  type SwitchWork,
} from './run.ts';
import { countUndecided } from './stranded.ts';
import { isClear, type OpenWork, type StepResult, type SwitchPreview } from './step.ts';

/** @throws what `planSwitch` throws. */
export async function check(state: SwitchState, ports: SwitchPorts): Promise<StepResult> {
  const { request } = state;
  const plan = planSwitch(await readCopies(ports), request, ports);
  const { n, region } = newestEpoch(plan.row);
  switch (plan.kind) {
    case 'already':
      return endedAtOnce({ kind: 'already', active: region, epoch: n });
    case 'nothing':
      return endedAtOnce({ kind: 'cancelled', why: 'no switch is under way', active: region });
    case 'finish':
    case 'begin':
      return request.kind === 'cancel' || plan.kind === 'finish'
        ? begin(state, plan, { ports, letters: [] })
        : checkOpenWork(state, plan, ports);
  }
}

async function checkOpenWork(
  state: SwitchState,
  plan: Begun,
  ports: SwitchPorts,
): Promise<StepResult> {
  const { letters, open: waiting } = await readOpenWork(state.request.accepted, plan.row, ports);
  const open = { ...waiting, ...(await strandedIn(plan.row, ports)) };
  // What a dead run has closed is opened first: until then, nothing can be redriven.
  const isHeld = plan.record !== undefined;
  if (isClear(open) || isHeld || !state.request.apply)
    return begin(state, plan, { ports, letters });
  return endedAtOnce({ kind: 'unproven', why: whatIsOpen(open), open });
}

/** Only before a switch begins: nothing becomes undecided later. */
async function strandedIn(
  row: ControlRow,
  ports: SwitchPorts,
): Promise<Pick<OpenWork, 'stranded'>> {
  const stranded = await countUndecided(row, ports);
  return stranded > 0 ? { stranded } : {};
}

/** Of the letters that the operator accepts, those that are there; and what else waits. */
export async function readOpenWork(
  wanted: Iterable<string>,
  row: ControlRow,
  { drained }: SwitchPorts,
): Promise<{ readonly letters: readonly OpenLetter[]; readonly open: OpenWork }> {
  const [found, backfill] = await Promise.all([
    drained.letters.read(),
    drained.unfinishedBackfill(),
  ]);
  const asked = new Set(wanted);
  const letters = found.letters.filter((letter) => isAccepted(letter, asked));
  return { letters, open: openWork(found, backfill, { row, accepted: asked }) };
}

type Begun = Extract<SwitchPlan, { readonly kind: 'begin' | 'finish' }>;

function begin(
  state: SwitchState,
  { kind, row, record, ids }: Begun,
  { ports, letters }: { readonly ports: SwitchPorts; readonly letters: readonly OpenLetter[] },
): StepResult {
  const finishes = kind === 'finish';
  const [epoch, nowMs] = [newestEpoch(row), ports.clock.now()];
  const { apply, kind: asked } = state.request;
  if (!apply && (finishes || asked === 'cancel'))
    return endedAtOnce({
      kind: 'preview',
      preview: nothingToAudit(record?.step ?? 'opened', ports),
    });
  // Nothing is claimed before the audit has caught up with the traffic, unless another run has claimed it already.
  const isHeld = record !== undefined || finishes;
  const phase = isHeld && apply ? 'claiming' : 'ahead';
  const accepted = new Set(letters.flatMap(({ sequenceNumber }) => sequenceNumber ?? []));
  const audit = new AuditMemory({ row, epoch, accepted });
  const beginning: Beginning = {
    row,
    epoch,
    before: record,
    ids,
    finishes,
    audit,
    letters,
    nowMs,
    phase,
  };
  state.work = newWork(state, beginning);
  return { phase, counts: NO_COUNTS, waitMs: 0 };
}

/** What a dry run tells, once the audit is near the tip of the stream. */
export async function previewOf(work: SwitchWork, ports: SwitchPorts): Promise<SwitchPreview> {
  const { row, before, audit, accepted } = work;
  const { open: waiting } = await readOpenWork(accepted, row, ports);
  const open = { ...waiting, ...(await strandedIn(row, ports)) };
  const lagMs = lagOf(work, ports.clock.now());
  const fenceMs = ports.old.fence.kind === 'policy' ? FENCE_DENIALS_MS : APPLICATION_QUIET_MS;
  return {
    from: ports.old.region,
    to: ports.target.region,
    takesOver: before?.step,
    counts: countsOf(work),
    open: { ...open, letters: [...open.letters, ...audit.malformed] },
    lagMs,
    expectedOutageMs: fenceMs + lagMs + CLOSE_WAIT_MS,
  };
}

function nothingToAudit(takesOver: string, { old, target }: SwitchPorts): SwitchPreview {
  const open = { letters: [], batches: 0, lost: 0, backfill: false, rejected: [] };
  const [from, to] = [old.region, target.region];
  return { from, to, takesOver, counts: NO_COUNTS, open, lagMs: 0, expectedOutageMs: 0 };
}

/** Age of the oldest record that has not been seen on the other side. */
export function lagOf({ audit }: Pick<SwitchWork, 'audit'>, nowMs: number): number {
  let oldestMs = nowMs;
  for (const keyText of audit.behind) {
    const seconds = audit.keys.get(keyText)?.createdAtSeconds;
    if (seconds !== undefined) oldestMs = Math.min(oldestMs, seconds * 1000);
  }
  return nowMs - oldestMs;
}
