// Applies what has not arrived, out of order and under the guard, as a redrive does.

import { canonicalKey } from '../model/attribute-value.ts';
import type { ControlRow } from '../model/control-row.ts';
import { announceDeletes } from '../replicate/announce-deletes.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { FerryError } from '../errors.ts';
import { inParallel, mapInParallel } from '../pacing/in-parallel.ts';
import type { Item } from '../ports.ts';
import type { RecordContext } from '../redrive/context.ts';
import { redriveItem } from '../redrive/item.ts';
import type { AuditedKey } from './audit-memory.ts';
import type { SwitchDirection, SwitchPorts, SwitchSide } from './ports.ts';
import type { SwitchWork } from './run.ts';
import type { LeftItem } from './step.ts';

const ITEMS_AT_ONCE = 16;

/** Looks at which a key was behind: at the first, its record may be on its way. */
const LOOKS_BEFORE = 2;

/** Nothing is thrown for a key that cannot be applied: it is still behind at the next look. */
export async function applyBehind(
  behind: readonly AuditedKey[],
  work: SwitchWork,
  ports: SwitchPorts,
): Promise<void> {
  const context = onward(work, ports);
  const tasks = behind
    .filter(({ looks }) => looks >= LOOKS_BEFORE)
    .map((entry) => () => applyOne(entry, context, { work, ports }));
  await inParallel(tasks, ITEMS_AT_ONCE);
  requireAllowed(context, ports.target);
}

/** It does not pass by itself, and writes of applications are refused meanwhile. */
export function requireAllowed({ health }: RecordContext, { region }: SwitchSide): void {
  if (health.failures.denied === 0) return;
  throw new FerryError(
    `Writes to ${region} are denied: ${Object.keys(health.errors).join(', ')}.`,
    {
      code: 'switching.denied',
      hint: 'Allow them, as `ferry permissions` says, and run the command again: it goes on.',
    },
  );
}

interface Way {
  readonly from: SwitchSide;
  readonly to: SwitchSide;
  readonly direction: SwitchDirection;
}

/** From the table that is drained to the target. */
export function onward({ row }: Pick<SwitchWork, 'row'>, ports: SwitchPorts): RecordContext {
  return recordContext(row, ports, {
    from: ports.old,
    to: ports.target,
    direction: ports.drained,
  });
}

/** For single records of one direction. */
export function recordContext(
  control: ControlRow,
  { clock, random }: Pick<SwitchPorts, 'clock' | 'random'>,
  { from, to, direction }: Way,
): RecordContext {
  const { rules, twinWriter, lookAgain } = direction;
  const { table: twin, ledger } = to;
  const health = destinationHealth();
  const remainingMs = () => Infinity;
  const ports = { source: from.table, twin, ledger, twinWriter, lookAgain };
  return { rules, control, withoutSource: false, ...ports, clock, random, health, remainingMs };
}

/** By its record first. Where that was not enough, as the fenced source has the item. */
async function applyOne(
  entry: AuditedKey,
  context: RecordContext,
  { work, ports }: { readonly work: SwitchWork; readonly ports: SwitchPorts },
): Promise<void> {
  const { key, keyText, streamArn, version } = entry;
  const record = entry.tries === 0 ? entry.record : undefined;
  const letter = { key, keyText, streamArn, version, record, asksSource: record === undefined };
  const outcome = await redriveItem(letter, context, ports.stop);
  if (outcome.kind === 'unfinished') return;
  if (outcome.kind === 'rejected') {
    entry.rejected = outcome.why;
    return;
  }
  if (outcome.deleted !== undefined) {
    const announced = { key, version: outcome.deleted };
    if ((await announceDeletes([announced], work.epoch.n, context)) !== undefined) return;
  }
  entry.tries += 1;
  if (outcome.written !== 'nothing') work.audit.applied += 1;
}

export interface Resynchronized {
  /** Items that were written. */
  readonly changed: number;
  /** What can never be made equal, and why. */
  readonly rejected: readonly LeftItem[];
  /** What another try may do. */
  readonly unfinished: readonly LeftItem[];
}

/** Makes items equal to those of the other side. */
export async function resynchronizeKeys(
  keys: readonly Item[],
  context: RecordContext,
  { stop }: Pick<SwitchPorts, 'stop'>,
): Promise<Resynchronized> {
  const outcomes = await mapInParallel(keys, ITEMS_AT_ONCE, (key) =>
    redriveItem(
      {
        key,
        keyText: canonicalKey(key),
        streamArn: undefined,
        version: undefined,
        asksSource: true,
      },
      context,
      stop,
    ),
  );
  const left = (wanted: 'rejected' | 'unfinished') =>
    outcomes.flatMap((outcome, at) =>
      outcome.kind === wanted ? [{ key: keys[at] ?? {}, why: outcome.why }] : [],
    );
  const changed = outcomes.filter(
    (outcome) => 'written' in outcome && outcome.written !== 'nothing',
  );
  return { changed: changed.length, rejected: left('rejected'), unfinished: left('unfinished') };
}
