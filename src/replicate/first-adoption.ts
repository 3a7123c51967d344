// The first control row of a replication, written only where nothing shows that Ferry has written before.

import { STATE_ATTRIBUTES } from '../config/names.ts';
import {
  controlKey,
  type FoundControl,
  firstRow,
  parseControlRow,
  putControlRow,
} from '../model/control-row.ts';
import type { ReadRequest } from '../model/read-request.ts';
import type { WriteTarget } from '../model/write-request.ts';
import type { DestinationReader, DestinationTable } from '../ports.ts';

export interface Adoption {
  readonly settings: WriteTarget;
  readonly streamArn: string;
  readonly tag: string;
  readonly nowMs: number;
}

export interface AdoptionPorts {
  readonly reader: DestinationReader;
  readonly destination: DestinationTable;
}

/** @throws what the read throws. */
export async function readControl(
  settings: Pick<WriteTarget, 'replication' | 'stateTable'>,
  reader: DestinationReader,
): Promise<FoundControl> {
  const input = { TableName: settings.stateTable, Key: controlKey(settings), ConsistentRead: true };
  const { items } = await reader.read({ operation: 'GetItem', input });
  return parseControlRow(items[0]);
}

/**
 * Writes the first control row, if the state table is empty and the twin shows no version.
 * @returns the row that is there afterwards, whoever wrote it; `missing` where somebody has to adopt.
 * @throws what a request throws; whether the row was written is then not known, and to be read.
 */
export async function adoptFirst(
  { settings, streamArn, tag, nowMs }: Adoption,
  { reader, destination }: AdoptionPorts,
): Promise<FoundControl> {
  if (!(await isUntouched(settings, reader))) return readControl(settings, reader);
  const { sourceRegion: region, reservedAttribute: reserved } = settings;
  const { destinationTable, stateTable } = settings;
  const ids = Promise.all([destinationTable, stateTable].map((table) => reader.tableId(table)));
  const [destinationId = '', ledgerId = ''] = await ids;
  const identity = { region, streamArn, reserved, destinationId, ledgerId, tag, nowMs };
  const reply = await destination.write(putControlRow(firstRow(identity), settings));
  return reply.kind === 'written'
    ? { kind: 'row', row: firstRow(identity) }
    : readControl(settings, reader);
}

/** The first page of each, consistently read: a twin that Ferry has written shows a version in it. */
export async function isUntouched(
  settings: WriteTarget,
  reader: DestinationReader,
): Promise<boolean> {
  const rows = await reader.read(firstPage(settings.stateTable, STATE_ATTRIBUTES.id));
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
