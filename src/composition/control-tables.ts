// Whether twin and state table are those that the control row was written for.

import { FerryError } from '../errors.ts';
import type { ControlRow } from '../model/control-row.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { TwinReader } from '../ports.ts';
import type { AdoptedRules } from '../replicate/first-adoption.ts';

export interface AdoptedPlace {
  readonly rules: AdoptedRules;
  readonly twinReader: TwinReader;
}

/** @throws FerryError `control.attribute` or `control.table`. */
export async function requireSameTables(
  row: ControlRow,
  { rules, twinReader }: AdoptedPlace,
  retries: RetryContext,
): Promise<void> {
  const { reservedAttribute, destinationTable, stateTable } = rules;
  if (row.reserved !== reservedAttribute) throw otherAttribute(row, reservedAttribute);
  const idOf = (table: string) => retry(() => twinReader.tableId(table), retries);
  const [destinationId, ledgerId] = await Promise.all([destinationTable, stateTable].map(idOf));
  if (destinationId !== row.destinationId)
    throw otherTable(`The twin ${destinationTable}`, destinationId, row.destinationId);
  if (ledgerId !== row.ledgerId)
    throw otherTable(`The state table ${stateTable}`, ledgerId, row.ledgerId);
}

function otherAttribute({ reserved }: ControlRow, configured: string): FerryError {
  return new FerryError(
    `The items of the twin have their versions in the attribute "${reserved}"; the configuration says "${configured}".`,
    {
      code: 'control.attribute',
      hint: `Set "reservedAttribute" to "${reserved}". Under another name, every version would be lost, and every item would look different.`,
    },
  );
}

function otherTable(what: string, id: string | undefined, expected: string): FerryError {
  return new FerryError(
    `${what} is another table than the one that was adopted: its TableId is ${id}, expected ${expected}.`,
    {
      code: 'control.table',
      hint: 'If it was made anew, run `ferry adopt`, then `ferry backfill`. Otherwise check table names and credentials.',
    },
  );
}
