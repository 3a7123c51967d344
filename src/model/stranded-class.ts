// What has become of a write of a lost Region, as its item was found on both sides, and how that is stored: a line for
// each item that differed, and an object for each decision.

import { createHash } from 'node:crypto';
import { itemDigest } from './discrepancy.ts';
import { epochIn, type Version } from './guard.ts';
import { formatProblem, STORED_FORMAT } from './stored-format.ts';
import { type StrandedItem, strandedPrefix } from './stranded.ts';

const STRANDED_CLASSES = ['arrived', 'stranded', 'overtaken'] as const;
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

/** The newest record of an item that was kept. */
export interface KeptVersion {
  readonly version: Version;
  /** Of its new image; undefined of a delete. */
  readonly digest: string | undefined;
}

/** @param slots as they are once the way back has caught up, and before the repair. */
export function strandedClass(
  item: StrandedItem,
  record: KeptVersion | undefined,
  { active, lost }: Slots,
): StrandedClass {
  // A record that is not the last word on its item says nothing of later writes.
  const isLast = record !== undefined && record.digest === (item.lost && itemDigest(item.lost));
  if (isLast && active !== undefined && active >= record.version) return 'arrived';
  return (epochIn(lost ?? '') ?? 0) > item.epoch ? 'overtaken' : 'stranded';
}

/** A line of an object of classes. */
export interface ClassLine {
  readonly class: StrandedClass;
  /** Where the item was saved: a line of the object that the classes are of, from 0 on. */
  readonly line: number;
}

export function classLine(line: ClassLine): string {
  return `${JSON.stringify({ format: STORED_FORMAT, ...line })}\n`;
}

/** @returns undefined where it is not one. */
export function parseClassLine(text: string): ClassLine | undefined {
  const { line, class: found } = fieldsOf(text);
  const known = STRANDED_CLASSES.find((one) => one === found);
  if (known === undefined || !Number.isSafeInteger(line)) return undefined;
  return { class: known, line: Number(line) };
}

/** The classes of the items of an object. */
export function classesKey(epoch: number, itemsKey: string): string {
  return `${strandedPrefix(epoch, 'classes')}${itemsKey.slice(itemsKey.lastIndexOf('/') + 1)}`;
}

export const STRANDED_DECISIONS = ['replayed', 'dropped'] as const;
export type StrandedDecision = (typeof STRANDED_DECISIONS)[number];

/** An object for each item, named after it and the decision: a list of names tells all. */
export function decisionKey(epoch: number, keyText: string, decision: StrandedDecision): string {
  const digest = createHash('sha256').update(keyText).digest('hex');
  return `${strandedPrefix(epoch, 'decisions')}${digest}.${decision}.json`;
}

export function decisionBody(keyText: string, nowMs: number): string {
  const at = new Date(nowMs).toISOString();
  return JSON.stringify({ format: STORED_FORMAT, keyText, at });
}

function fieldsOf(json: string): Readonly<Record<string, unknown>> {
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
