// Which stream of the table is read. A stream that was turned off can be read for a day: it comes first, to its end. What
// was written between it and the next one is in neither.

import { FerryError } from '../errors.ts';
import type { SourceRow } from './ledger-rows.ts';

/**
 * @param current the stream that the configuration and the table have now.
 * @returns the one to read first.
 */
export async function sourceToRead(
  row: SourceRow,
  current: string,
  fence: number,
): Promise<string> {
  const last = await row.read();
  if (last === current) return current;
  if (last !== undefined && isOfSameTable(last, current)) return last;
  // A first one, or another kind or table: `ferry adopt` has decided that.
  await row.write(current, fence);
  return current;
}

function isOfSameTable(one: string, other: string): boolean {
  const [table, label] = one.split('/stream/');
  return label !== undefined && other.startsWith(`${table}/stream/`);
}

/** Whether it says that a stream has ended for good. */
export function isStreamOver(error: unknown): boolean {
  const codes = ['stream.disabled', 'stream.gone'];
  return error instanceof FerryError && codes.includes(error.code);
}
