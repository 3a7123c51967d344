// How far a switch is: a line for each of its steps when it is done, and a status line in between.

import { FENCE_DENIALS_MS } from '../config/names.ts';
import type { SwitchPorts } from '../switching/ports.ts';
import type { StepResult, SwitchCounts, SwitchPhase, SwitchRequest } from '../switching/step.ts';
import { counted, grouped, type Io } from './output.ts';
import { oncePerChange } from './progress.ts';

interface Step {
  /** As docs/switching.md counts them. */
  readonly number: number;
  readonly doing: string;
  /** Printed when the switch goes on to another one. */
  readonly done: (counts: SwitchCounts) => string;
}

/** Where a Region is lost, or rejoins, other things are done in the same phases. */
function stepsOf(
  { old, target }: SwitchPorts,
  kind: SwitchRequest['kind'],
): Partial<Record<SwitchPhase, Step>> {
  const step = (number: number, doing: string, done: Step['done'] | string): Step => ({
    number,
    doing,
    done: typeof done === 'string' ? () => done : done,
  });
  const saved = ({ rejoin }: SwitchCounts) =>
    `3 compared ${grouped(rejoin?.items ?? 0)} items, saved ${grouped(rejoin?.saved ?? 0)}`;
  const opened = step(6, `opens ${target.region}`, `6 opened ${target.region}`);
  const seconds = FENCE_DENIALS_MS / 1000;
  const fenced =
    old.fence.kind === 'policy' && kind !== 'lost'
      ? `2 fenced ${old.region}, its probe denied for ${seconds} s`
      : kind === 'lost'
        ? `4 closed, and refused the functions in ${old.region}`
        : `2 fenced ${old.region} by the application`;
  const fencing = step(kind === 'lost' ? 4 : 2, `fences ${old.region}`, fenced);
  if (kind === 'lost')
    return {
      measuring: step(0, 'reads what has arrived last', '0 measured what has arrived last'),
      closing: fencing,
      fencing,
      waiting: step(5, 'waits until nothing can land any more', '5 waited for late requests'),
      opening: opened,
      admitting: opened,
      releasing: step(7, 'lets the record go', '7 recorded'),
    };
  const told = step(7, `tells ${old.region}`, `7 told ${old.region}`);
  const common = {
    claiming: step(1, 'claims both control rows', '1 claimed'),
    fencing,
    probing: fencing,
  };
  const repaired = step(
    7,
    `repairs ${old.region}`,
    ({ rejoin }) =>
      `7 repaired ${old.region}: ${grouped(rejoin?.put ?? 0)} put, ${grouped(rejoin?.deleted ?? 0)} deleted`,
  );
  if (kind === 'rejoin')
    return {
      ...common,
      closing: step(2, `closes ${old.region}`, fenced),
      waiting: step(2, 'waits for the leases', fenced),
      comparing: step(3, 'compares both tables', saved),
      telling: step(4, `tells ${old.region}`, `4 told ${old.region}: the way back runs`),
      'catching-up': step(5, 'waits for the way back', '5 caught up'),
      classing: step(
        6,
        'classes what was stranded',
        ({ rejoin }) => `6 classed ${grouped(rejoin?.classed ?? 0)}`,
      ),
      repairing: repaired,
      releasing: { ...repaired, doing: 'lets the record go' },
    };
  const again = step(5, 'looks again', ({ keys }) => `5 looked again: ${grouped(keys)} equal`);
  const audited = step(3, 'audits', auditedText);
  const letters = step(
    4,
    'asks for dead letters',
    kind === 'drain' ? '4 no open dead letters' : '4 closed',
  );
  return {
    ...common,
    ahead: step(
      0,
      'audits beside the traffic',
      ({ keys, behind }) =>
        `0 audited beside the traffic: ${counted(keys, 'key')}, ${grouped(behind)} behind`,
    ),
    auditing: audited,
    comparing: { ...audited, doing: 'compares both tables' },
    letters,
    closing: { ...letters, doing: 'closes both control rows' },
    waiting: { ...again, doing: 'waits until nothing can land any more' },
    'looking-again': again,
    reopening: step(3, 'opens both control rows again', auditedText),
    opening: opened,
    admitting: opened,
    telling: told,
    repairing: { ...told, doing: 'repairs items of accepted letters' },
    releasing: { ...told, doing: 'lets the record go' },
    cancelling: step(8, 'opens both control rows again', 'opened both control rows again'),
    unfencing: step(9, `unfences ${old.region}`, `unfenced ${old.region}`),
  };
}

function auditedText({ shards, records, keys, applied }: SwitchCounts): string {
  return `3 audited: ${counted(shards, 'shard')}, ${counted(records, 'record')}, ${counted(keys, 'key')}, ${grouped(applied)} applied`;
}

/** @returns to be called with each answer of a switch. */
export function switchProgress(
  ports: SwitchPorts,
  kind: SwitchRequest['kind'],
  io: Io,
): (step: StepResult) => void {
  const steps = stepsOf(ports, kind);
  const tell = oncePerChange(io);
  let last: Step | undefined;
  return ({ phase, counts, result }) => {
    const next = steps[phase];
    // What was given up has not been done.
    const isDone = next === undefined ? ENDS.includes(result?.kind) : next.number !== last?.number;
    if (phase === 'reopening' && last?.number !== next?.number)
      io.err('Something has changed since: audits again.');
    else if (last !== undefined && isDone && phase !== 'cancelling') io.err(last.done(counts));
    last = next;
    const { keys, behind } = counts;
    const facts = keys === 0 ? [] : [`${grouped(keys - behind)} of ${counted(keys, 'key')}`];
    if (next !== undefined && io.isTerminal) tell([next.doing, ...facts]);
  };
}

const ENDS: ReadonlyArray<string | undefined> = ['drained', 'switched', 'finished', 'rejoined'];
