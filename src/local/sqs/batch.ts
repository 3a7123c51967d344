// The rules that all batch operations share: what refuses the whole request, what only one entry.

import { SqsError } from './error.ts';
import { type Fields, objects, optionalText } from './input.ts';

const ENTRIES_MAX = 10;

/** One entry of a batch request: its id and what it asks for. */
export interface BatchEntry<T> {
  readonly id: string;
  readonly value: T;
}

interface BatchFailure {
  readonly Id: string;
  readonly SenderFault: boolean;
  readonly Code: string;
  readonly Message: string;
}

interface BatchResult {
  readonly Successful?: readonly object[];
  readonly Failed?: readonly BatchFailure[];
}

/**
 * The entries of a batch request.
 * @throws SqsError unless there are 1 to 10, with valid and distinct ids.
 */
export function batchEntries(input: Fields): readonly BatchEntry<Fields>[] {
  const entries = objects(input, 'Entries');
  if (entries.length === 0) {
    throw new SqsError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  }
  if (entries.length > ENTRIES_MAX) {
    const message = `Maximum number of entries per request are ${ENTRIES_MAX}. You have sent ${entries.length}.`;
    throw new SqsError('TooManyEntriesInBatchRequest', message);
  }
  const ids = new Set<string>();
  return entries.map((value) => {
    const id = entryId(value);
    if (ids.has(id)) throw new SqsError('BatchEntryIdsNotDistinct', `Id ${id} repeated.`);
    ids.add(id);
    return { id, value };
  });
}

/** Performs the entries one after the other; one that is refused does not hold up the others. */
export function performBatch<T>(
  entries: readonly BatchEntry<T>[],
  perform: (value: T) => object,
): BatchResult {
  const successful: object[] = [];
  const failed: BatchFailure[] = [];
  for (const { id, value } of entries) {
    try {
      successful.push({ Id: id, ...perform(value) });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      failed.push({ Id: id, SenderFault: true, Code: error.queryCode, Message: error.message });
    }
  }
  // The service leaves out a list with nothing in it.
  return {
    ...(successful.length > 0 && { Successful: successful }),
    ...(failed.length > 0 && { Failed: failed }),
  };
}

function entryId(entry: Fields): string {
  const id = optionalText(entry, 'Id') ?? '';
  if (/^[\w-]{1,80}$/.test(id)) return id;
  throw new SqsError(
    'InvalidBatchEntryId',
    'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
  );
}
