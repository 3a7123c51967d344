// What has become of a write of a lost Region, as its item was found on both sides, and how that is stored: a line for
// each item that differed, and an object for each decision.

import { createHash } from 'node:crypto';
import { canonicalItem, type Item } from './attribute-value.ts';
import { epochIn, type Version } from './guard.ts';
import { formatProblem, STORED_FORMAT } from './stored-format.ts';
import { type StrandedItem, type StrandedRecord, strandedPrefix } from './stranded.ts';

export const STRANDED_CLASSES = ['arrived', 'stranded', 'overtaken'] as const;
/**
 * `arrived`: it is on the active side, or was. `stranded`: it is not, and the active Region has not written the item
 * since. `overtaken`: the active Region has written the item since.
 */
export type StrandedClass = (typeof STRANDED_CLASSES)[number];

/** The highest version that a side knows of an item: of the item itself, or of its delete. */
export interface Slots {
  /** In the active Region: written by Ferry, before the other one was lost. */
  readonly active: Version | undefined;
  /** In the Region that was lost: written by Ferry since it is back. */
  readonly lost: Version | undefined;
}

/**
 * @param record the newest of its item that was kept, if any.
 * @param slots as they are once the way back has caught up, and before the repair.
 */
export function strandedClass(
  item: StrandedItem,
  record: Pick<StrandedRecord, 'version' | 'newImage'> | undefined,
  { active, lost }: Slots,
): StrandedClass {
  const isLast = record !== undefined && isSameItem(record.newImage, item.lost);
  if (isLast && active !== undefined && active >= record.version) return 'arrived';
  return (epochIn(lost ?? '') ?? 0) > item.epoch ? 'overtaken' : 'stranded';
}

/** Whether a record that was kept is the last word on its item; an older one says nothing of later writes. */
function isSameItem(image: Item | undefined, item: Item | undefined): boolean {
  if (image === undefined || item === undefined) return image === item;
  return canonicalItem(image) === canonicalItem(item);
}

/** A line of an object of classes. */
export interface ClassLine {
  readonly class: StrandedClass;
  /** Where the item was saved: a line of the object that the classes are of. */
  readonly line: number;
  readonly keyText: string;
  /** Of the record that was kept. */
  readonly version?: Version | undefined;
  readonly createdAtSeconds?: number | undefined;
  /** Where the record is: the key of an object, and a line in it. */
  readonly recordObject?: string | undefined;
  readonly recordLine?: number | undefined;
}

export function classLine(line: ClassLine): string {
  return `${JSON.stringify({ format: STORED_FORMAT, ...line })}\n`;
}

/** @returns undefined where it is not one. */
export function parseClassLine(text: string): ClassLine | undefined {
  const value = parsed(text);
  const { class: found, line, keyText, recordObject } = value;
  const isWhole =
    STRANDED_CLASSES.some((one) => one === found) &&
    Number.isSafeInteger(line) &&
    typeof keyText === 'string' &&
    ['string', 'undefined'].includes(typeof recordObject);
  return isWhole ? (value as unknown as ClassLine) : undefined;
}

/** The classes of the items of an object. */
export function classesKey(epoch: number, itemsKey: string): string {
  return `${strandedPrefix(epoch, 'classes')}${itemsKey.slice(itemsKey.lastIndexOf('/') + 1)}`;
}

export const STRANDED_DECISIONS = ['replayed', 'dropped'] as const;
export type StrandedDecision = (typeof STRANDED_DECISIONS)[number];

/** One object for each item, so that it is not asked about again. */
export function decisionKey(epoch: number, keyText: string): string {
  const digest = createHash('sha256').update(keyText).digest('hex');
  return `${strandedPrefix(epoch, 'decisions')}${digest}.json`;
}

export function decisionBody(decision: StrandedDecision, keyText: string, nowMs: number): string {
  const at = new Date(nowMs).toISOString();
  return JSON.stringify({ format: STORED_FORMAT, decision, keyText, at });
}

/** @returns undefined where it is not one. */
export function parseDecision(body: string): StrandedDecision | undefined {
  const { decision } = parsed(body);
  return STRANDED_DECISIONS.find((one) => one === decision);
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null) return {};
    const fields = value as Readonly<Record<string, unknown>>;
    return formatProblem(fields['format']) === undefined ? fields : {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return {};
  }
}
