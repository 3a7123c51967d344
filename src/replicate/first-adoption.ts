// The first control row of a replication, written only where nothing shows that Ferry has written before.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { originOf } from '../model/clock-version.ts';
import { controlKey, parseControlRow, putControlRow } from '../model/control-item.ts';
import { type FoundControl, firstRow, type Identity } from '../model/control-row.ts';
import { epochIn, versionIn } from '../model/guard.ts';
import type { ReadRequest } from '../model/read-request.ts';
import type { LedgerRules, TwoWayRules, WriteRules } from '../model/rules.ts';
import { isRunRow } from '../model/run-rows.ts';
import type { TwinReader, TwinWriter } from '../ports.ts';

/** Both directions have one epoch: that of their configuration. */
export type AdoptedRules = WriteRules & {
  readonly twoWay?: Pick<TwoWayRules, 'mode' | 'epoch'> | undefined;
};

export interface Adoption {
  readonly rules: AdoptedRules;
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
  { nowMs, ...adoption }: Adoption,
  { twinReader, twinWriter }: AdoptionPorts,
): Promise<FoundControl> {
  const { rules } = adoption;
  if (!(await isUntouched(rules, twinReader))) return readControl(rules, twinReader);
  const row = firstRow({ ...(await identify(adoption, twinReader)), nowMs }, rules.twoWay?.epoch);
  const { kind } = await twinWriter.write(putControlRow(row, rules));
  return kind === 'written' ? { kind: 'row', row } : readControl(rules, twinReader);
}

/** @throws what a request throws. */
export async function identify(
  { rules, streamArn, tag }: Omit<Adoption, 'nowMs'>,
  twinReader: TwinReader,
): Promise<Omit<Identity, 'nowMs'>> {
  const { sourceRegion: region, reservedAttribute: reserved } = rules;
  const [destinationId, ledgerId] = await Promise.all([
    twinReader.tableId(rules.destinationTable),
    twinReader.tableId(rules.stateTable),
  ]);
  return { region, streamArn, reserved, destinationId, ledgerId, tag };
}

/**
 * The first page of each, consistently read: a twin that Ferry has written shows a version in it. What a process keeps
 * for itself in the ledger, before it has replicated anything, is none.
 */
export async function isUntouched(settings: AdoptedRules, reader: TwinReader): Promise<boolean> {
  const { reservedAttribute, destinationTable, stateTable, twoWay } = settings;
  // With stamped writes, the other direction may have noted its deletes there already.
  if (twoWay?.mode !== 'stamped') {
    const rows = await reader.read(firstPage(stateTable, LEDGER_ATTRIBUTES.id));
    if (!rows.items.every((row) => isRunRow(row, settings))) return false;
  }
  const page = await reader.read(firstPage(destinationTable, reservedAttribute));
  return page.items.every((item) => isNotOfFerry(item[reservedAttribute], settings));
}

/** Applications stamp their writes before anything is adopted. Ferry's writes say from which Region they came. */
function isNotOfFerry(reserved: AttributeValue | undefined, { twoWay }: AdoptedRules): boolean {
  if (reserved === undefined) return true;
  const version = versionIn(reserved);
  if (twoWay?.mode !== 'stamped' || version === undefined) return false;
  const isStamp = epochIn(version) === twoWay.epoch && originOf(version) !== undefined;
  return isStamp && reserved.M?.['o'] === undefined;
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
