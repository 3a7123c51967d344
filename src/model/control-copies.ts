// The two copies of the control row of a replication that can be switched, one in the ledger of each side: who may
// write now, and what a record of a stream is, by the time at which it was written.

import { type ControlRow, type Epoch, type FoundControl, newestEpoch } from './control-row.ts';

/** As seen from one direction. */
export interface ControlCopies {
  /** In the ledger beside the direction's source: which epochs its own records belong to. */
  readonly source: FoundControl;
  /** In the ledger beside its destination. */
  readonly destination: FoundControl;
}

/** What the copies say together. */
export type Consent =
  /** Both show the same epoch, and no switch is about to end it. */
  | { readonly kind: 'open'; readonly epoch: Epoch; readonly own: ControlRow }
  /** `own` where it can be read: what is in an epoch that has ended is judged all the same. */
  | { readonly kind: 'held'; readonly why: string; readonly own: ControlRow | undefined };

export function consentOf(copies: ControlCopies): Consent {
  const [own, other] = [
    copyOf(copies.source, copies.destination),
    copyOf(copies.destination, copies.source),
  ];
  const held = (why: string): Consent => ({ kind: 'held', why, own });
  for (const found of [copies.source, copies.destination])
    if (found.kind === 'unreadable') return held(`a control row: ${found.problem}`);
  if (own === undefined || other === undefined) return held('a control row is missing');
  if (own.closing === true || other.closing === true)
    return held('the direction is being switched');
  const [epoch, twin] = [newestEpoch(own), newestEpoch(other)];
  if (epoch.n !== twin.n || epoch.region !== twin.region)
    return held(`the copies of the control row show epochs ${epoch.n} and ${twin.n}`);
  return { kind: 'open', epoch, own };
}

/** A copy that is missing is like the other one, as long as nothing has been switched. */
function copyOf(found: FoundControl, other: FoundControl): ControlRow | undefined {
  if (found.kind === 'row') return found.row;
  if (found.kind !== 'missing' || other.kind !== 'row') return undefined;
  return wasSwitched(other.row) ? undefined : other.row;
}

/** Whether a switch has ever held the row: it raises the format of the row, which is never lowered. */
export function wasSwitched({ format, epochs }: ControlRow): boolean {
  return format > 1 || epochs.length > 1;
}

/** What is to become of a record. */
export type RecordVerdict =
  /** Of the epoch that may write. */
  | 'apply'
  /** Written while its table was the twin: by Ferry, or by an application by mistake. */
  | 'own'
  /** Of an epoch that has ended, and that is on the other side as a whole. */
  | 'ended'
  /** Of an epoch whose Region was lost: kept until an operator decides. */
  | 'stranded'
  | 'hold';

/**
 * By the record and the list of epochs alone, which only grows: the answer is the same for every delivery.
 * @param createdAtSeconds of the record, as the stream has it: cut off to whole seconds.
 * @param region of the table that the stream belongs to.
 */
export function verdictOn(
  createdAtSeconds: number,
  region: string,
  consent: Consent,
): RecordVerdict {
  const { own } = consent;
  if (own === undefined) return 'hold';
  const epoch = epochAt(createdAtSeconds * 1000, region, own);
  if (epoch?.end === 'drained') return 'ended';
  if (epoch?.end === 'lost') return 'stranded';
  if (consent.kind === 'held') return 'hold';
  if (epoch === undefined) return 'own';
  return epoch.n === consent.epoch.n ? 'apply' : 'hold';
}

/** The epoch of `region` that a time belongs to. What `ferry adopt` has ended goes on in the epoch that it opened. */
export function epochAt(
  timeMs: number,
  region: string,
  { epochs }: Pick<ControlRow, 'epochs'>,
): Epoch | undefined {
  for (const [index, epoch] of epochs.entries()) {
    // The first epoch has no beginning: the stream may hold what is older than its adoption.
    const isBefore = index > 0 && timeMs < epoch.fromMs;
    if (epoch.region !== region || isBefore) continue;
    const last = lastOf(epochs.slice(index));
    if (timeMs < (last?.toMs ?? Infinity)) return last;
  }
  return undefined;
}

/** Of a first epoch, and those in which it went on in its Region. */
function lastOf(epochs: readonly Epoch[]): Epoch | undefined {
  return epochs.find(
    ({ end, region }, index) => end !== 'adopted' || epochs[index + 1]?.region !== region,
  );
}
