// A message or object, and the dead letters in it that are to be redriven. What it holds is counted here.

import type { ControlRow } from '../model/control-row.ts';
import { type DeadLetter, select } from './dead-letter.ts';
import { addSelection } from './report.ts';
import type { Run } from './run.ts';
import type { Contents } from './unpack.ts';

export interface Load {
  readonly letters: readonly DeadLetter[];
  /** By which the letters were parsed. */
  readonly control: ControlRow;
  /** Records of this replication. */
  readonly found: number;
  /** All records. */
  readonly all: number;
  /** To be called once every record is final. */
  readonly remove: () => Promise<void>;
}

/** @returns undefined where it stays as it is. */
export function loadOf(
  contents: Contents,
  { control, remove }: Pick<Load, 'control' | 'remove'>,
  { context: { rules }, options, report }: Run,
): Load | undefined {
  if (typeof contents === 'string') {
    report[contents] += 1;
    return undefined;
  }
  const limit = options.limit - report.matched;
  const selection = select(contents, control, { filter: options.filter, limit, rules });
  addSelection(selection, report);
  const { selected: letters, found } = selection;
  return { letters, control, found: found.length, all: contents.length, remove };
}
