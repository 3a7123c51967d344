// The report file of a comparison: JSON lines, so that it may be of any length. First a header, then a
// line per difference, at the end a summary; a report without one belongs to a run that did not end.

import { decodeItem, type Item, itemJson } from '../model/attribute-value.ts';
import type { Discrepancy } from '../model/discrepancy.ts';
import { formatProblem, STORED_FORMAT } from '../model/stored-format.ts';
import type { Side } from './segment-join.ts';

export interface ReportHeader {
  readonly ferry: 'differences';
  readonly replication: string;
  /** Region and table, for people. */
  readonly source: string;
  readonly destination: string;
  readonly startedAt: string;
  /** Of a replication that can be switched. Absent where it cannot. */
  readonly direction?: 'out' | 'back' | undefined;
  /** What was compared. Absent in reports of early releases. */
  readonly scope?: ReportScope;
  /** Digest of the projection that it was compared by. Absent without one. */
  readonly projection?: string | undefined;
}

export type ReportScope = 'everything' | 'sample' | 'key';

/** Only a comparison of everything proves as much as the report of one. */
export function mayReplace(existing: ReportHeader, scope: ReportScope): boolean {
  return scope === 'everything' || existing.scope === 'sample' || existing.scope === 'key';
}

export interface ReportedDifference {
  readonly key: Item;
  readonly kind: Discrepancy;
  readonly attributes: readonly string[];
  readonly source: Item | undefined;
  readonly destination: Item | undefined;
  /** Where both tables are written: the side whose item is right, and the sides with a stray. */
  readonly home?: Side | undefined;
  readonly strays?: readonly Side[];
}

export function headerLine(header: ReportHeader): string {
  return JSON.stringify({ ...header, format: STORED_FORMAT });
}

/** The last line of a report; in a bulk run, of each part. */
export function summaryLine(summary: object): string {
  return JSON.stringify({ summary, format: STORED_FORMAT });
}

export function differenceLine(
  { kind, key, attributes, source, destination, home, strays = [] }: ReportedDifference,
  { values }: { values: boolean },
): string {
  const fields = [
    `"kind":${JSON.stringify(kind)}`,
    `"key":${itemJson(key)}`,
    ...(attributes.length === 0 ? [] : [`"attributes":${JSON.stringify(attributes)}`]),
    ...(home === undefined ? [] : [`"home":${JSON.stringify(home)}`]),
    ...(strays.length === 0 ? [] : [`"strays":${JSON.stringify(strays)}`]),
    ...(values && source !== undefined ? [`"source":${itemJson(source)}`] : []),
    ...(values && destination !== undefined ? [`"destination":${itemJson(destination)}`] : []),
  ];
  return `{${fields.join(',')}}`;
}

/** An item that is listed with its key only, and why. */
export function mentionLine(kind: 'in-flight' | 'unreadable', key: Item, reason?: string): string {
  return `{"kind":${JSON.stringify(kind)},"key":${itemJson(key)}${reasonField(reason)}}`;
}

/** An item that the destination rejects, and why. Parts of a bulk backfill have no other lines. */
export function rejectedLine({ key, reason }: Rejected): string {
  return `{"kind":"rejected","format":${STORED_FORMAT},"key":${itemJson(key)}${reasonField(reason)}}`;
}

function reasonField(reason: string | undefined): string {
  return reason === undefined ? '' : `,"reason":${JSON.stringify(reason)}`;
}

interface Rejected {
  readonly key: Item;
  readonly reason: string;
}

export type ReportLine =
  | { readonly kind: 'header'; readonly header: ReportHeader }
  /** `difference` where it is one; items are listed for other reasons, too. */
  | {
      readonly kind: 'key';
      readonly key: Item;
      readonly difference?: ReportedDifference;
      /** Why the destination rejects it, or why it cannot be read. */
      readonly reason?: string;
    }
  | { readonly kind: 'summary'; readonly summary: unknown }
  /** Of a format that this release does not read. */
  | { readonly kind: 'newer'; readonly problem: string };

/** @returns undefined where the line is not of a report. */
export function parseReportLine(text: string): ReportLine | undefined {
  const line = parseObject(text);
  if (line === undefined) return undefined;
  const problem = formatProblem(line['format']);
  if (problem !== undefined) return { kind: 'newer', problem };
  if (line['ferry'] === 'differences') {
    if (typeof line['replication'] !== 'string') return undefined;
    return { kind: 'header', header: line as unknown as ReportHeader };
  }
  // A summary that is not an object has no counts: it proves nothing.
  if (line['summary'] !== undefined) return { kind: 'summary', summary: line['summary'] ?? {} };
  try {
    return keyLine(decodeItem(line['key'], 'key'), line);
  } catch {
    // MalformedValue: the caller knows the line's number, and says so.
    return undefined;
  }
}

const DISCREPANCIES: readonly unknown[] = ['missing', 'different', 'extraneous'];

function keyLine(key: Item, line: Record<string, unknown>): ReportLine {
  const { kind, attributes = [], reason } = line;
  if (typeof reason === 'string') return { kind: 'key', key, reason };
  if (!DISCREPANCIES.includes(kind) || !isTexts(attributes)) return { kind: 'key', key };
  const difference = {
    key,
    kind: kind as Discrepancy,
    attributes,
    source: undefined,
    destination: undefined,
  };
  return { kind: 'key', key, difference };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
