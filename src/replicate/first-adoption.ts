// The first control row of a replication, written only where nothing shows that Ferry has written before.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import {
  controlKey,
  type FoundControl,
  firstRow,
  parseControlRow,
  putControlRow,
} from '../model/control-row.ts';
import type { ReadRequest } from '../model/read-request.ts';
import type { LedgerRules, WriteRules } from '../model/rules.ts';
import type { TwinReader, TwinWriter } from '../ports.ts';

export interface Adoption {
  readonly rules: WriteRules;
  readonly streamArn: string;
  readonly tag: string;
  readonly nowMs: number;
}

export interface AdoptionPorts {
  readonly twinReader: TwinReader;
  readonly twinWriter: TwinWriter;
}

/** @throws what the read throws. */
export async function readControl(
  settings: LedgerRules,
  reader: TwinReader,
): Promise<FoundControl> {
  const input = { TableName: settings.stateTable, Key: controlKey(settings), ConsistentRead: true };
  const { items } = await reader.read({ operation: 'GetItem', input });
  return parseControlRow(items[0]);
}

/**
 * Writes the first control row, if the state table is empty and the twin shows no version.
 * @returns the row that is there afterwards, also another process's; `missing` where `ferry adopt` is needed.
 * @throws what a request throws; whether the row was written is then not known, and to be read.
 */
export async function adoptFirst(
  { rules, streamArn, tag, nowMs }: Adoption,
  { twinReader, twinWriter }: AdoptionPorts,
): Promise<FoundControl> {
  if (!(await isUntouched(rules, twinReader))) return readControl(rules, twinReader);
  const { sourceRegion: region, reservedAttribute: reserved } = rules;
  const { destinationTable, stateTable } = rules;
  const ids = Promise.all([destinationTable, stateTable].map((table) => twinReader.tableId(table)));
  const [destinationId = '', ledgerId = ''] = await ids;
  const identity = { region, streamArn, reserved, destinationId, ledgerId, tag, nowMs };
  const reply = await twinWriter.write(putControlRow(firstRow(identity), rules));
  return reply.kind === 'written'
    ? { kind: 'row', row: firstRow(identity) }
    : readControl(rules, twinReader);
}

/** The first page of each, consistently read: a twin that Ferry has written shows a version in it. */
export async function isUntouched(settings: WriteRules, reader: TwinReader): Promise<boolean> {
  const rows = await reader.read(firstPage(settings.stateTable, LEDGER_ATTRIBUTES.id));
  if (rows.items.length > 0) return false;
  const { reservedAttribute, destinationTable } = settings;
  const page = await reader.read(firstPage(destinationTable, reservedAttribute));
  return page.items.every((item) => item[reservedAttribute] === undefined);
}

/** Nothing but one attribute of each item: the function may see no more. */
function firstPage(TableName: string, attribute: string): ReadRequest {
  return {
    operation: 'Scan',
    input: {
      TableName,
      ConsistentRead: true,
      // Said though the projection implies it: the function's permission names it.
      Select: 'SPECIFIC_ATTRIBUTES',
      ProjectionExpression: '#a',
      ExpressionAttributeNames: { '#a': attribute },
    },
  };
}
