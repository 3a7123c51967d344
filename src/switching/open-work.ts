// What waits in a direction for a redrive or a backfill, and is not excused.

import { verdictOn } from '../model/control-copies.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { counted, grouped } from '../text/number-text.ts';
import type { OpenLetter, OpenLetters } from './ports.ts';
import type { OpenWork } from './step.ts';

export interface Excuses {
  /** A copy that lists the epochs. */
  readonly row: ControlRow;
  /** Sequence numbers. */
  readonly accepted: ReadonlySet<string>;
}

/** Letters of an epoch that has ended do not count: that switch has proved its end, or accepted them. */
function openLetters(letters: readonly OpenLetter[], { row, accepted }: Excuses) {
  const epoch = newestEpoch(row);
  const consent = { kind: 'open', epoch, own: row } as const;
  return letters.filter((letter) => {
    const { createdAtSeconds: seconds } = letter;
    if (isAccepted(letter, accepted)) return false;
    return seconds === undefined || verdictOn(seconds, epoch.region, consent) === 'apply';
  });
}

/** A letter that does not tell its sequence number cannot be accepted. */
export function isAccepted(
  { sequenceNumber }: Pick<OpenLetter, 'sequenceNumber'>,
  accepted: ReadonlySet<string>,
): boolean {
  return sequenceNumber !== undefined && accepted.has(sequenceNumber);
}

export function openWork(
  { letters, batches, lost }: OpenLetters,
  backfill: boolean,
  excuses: Excuses,
): OpenWork {
  return { letters: openLetters(letters, excuses), batches, lost, backfill, rejected: [] };
}

/** For people: what stands in the way. */
export function whatIsOpen({
  letters,
  batches,
  lost,
  backfill,
  rejected,
  stranded = 0,
}: OpenWork): string {
  const parts = [
    [letters.length, counted(letters.length, 'open dead letter')],
    [batches, `${counted(batches, 'batch', 'batches')} in the on-failure bucket`],
    [lost, `${grouped(lost)} of them lost`],
    [rejected.length, `${counted(rejected.length, 'record')} that the twin rejects`],
    [stranded, `${counted(stranded, 'stranded write')} to be decided (\`ferry stranded list\`)`],
  ] as const;
  const open = parts.flatMap(([count, text]) => (count > 0 ? [text] : []));
  return [...open, ...(backfill ? ['a backfill that has not ended'] : [])].join(', ');
}
