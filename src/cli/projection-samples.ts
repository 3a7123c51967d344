// Before and after of some items, aligned: what became of each attribute, its value in the source and at the twin.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Item, itemJson } from '../model/attribute-value.ts';
import { type AttributeChange, attributeChanges } from '../projection/attribute-changes.ts';
import type { Judged } from '../projection/sample-test.ts';
import { cut, visible } from '../text/visible.ts';
import { listed } from './rows.ts';

export interface Example {
  readonly key: Item;
  readonly source: Item;
  /** Undefined where the item is left out. */
  readonly twin: Item | undefined;
  readonly changes: readonly AttributeChange[];
}

/** So many of the items that were projected, first those that differ in how they changed. */
export function examplesOf(all: readonly Judged[], count: number): Example[] {
  const examples = all.flatMap((one): Example[] => {
    const { key, source } = one;
    if (one.kind === 'left-out') return [{ key, source, twin: undefined, changes: [] }];
    if (one.kind !== 'kept') return [];
    const changes = attributeChanges(source, one.content, key);
    return [{ key, source, twin: one.content, changes }];
  });
  const shapes = new Map(examples.map((example) => [shapeOf(example), example]));
  return [...new Set([...shapes.values(), ...examples])].slice(0, count);
}

function shapeOf({ twin, changes }: Example): string {
  return JSON.stringify([twin === undefined, changes.map(({ kind, path }) => [kind, path])]);
}

export interface Shown {
  /** Whether values are hidden. */
  readonly keysOnly: boolean;
  /** Of the terminal. */
  readonly width: number;
}

/** The columns of all examples are aligned. */
export function exampleLines(examples: readonly Example[], shown: Shown): string[] {
  const rows = examples.flatMap(({ changes }) => changes.map((one) => cellsOf(one, shown)));
  const [heading = '', ...lines] = listed(within([headings(shown), ...rows], shown));
  let next = 0;
  return examples.flatMap(({ key, source, twin, changes }) => {
    const isFirst = next === 0 && changes.length > 0;
    const own = lines.slice(next, (next += changes.length));
    const title = cut(visible(itemJson(key)), shown.width);
    const text = shown.keysOnly ? '' : `: ${visible(itemJson(inOrder(source)))}`;
    const about = twin === undefined ? [cut(`  left out${text}`, shown.width)] : own;
    return [title, ...(isFirst ? [heading] : []), ...about, ''];
  });
}

/** By name: DynamoDB has no order. */
function inOrder(item: Item): Item {
  return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function headings({ keysOnly }: Shown): string[] {
  return keysOnly ? ['', 'attribute', 'new name'] : ['', 'attribute', 'source', 'twin'];
}

function cellsOf({ kind, path, before, after, to }: AttributeChange, shown: Shown): string[] {
  const name = to === undefined ? '' : visible(to);
  if (shown.keysOnly) return [kind, visible(path), name];
  return [kind, visible(path), textOf(before), to === undefined ? textOf(after) : `as ${name}`];
}

function textOf(value: AttributeValue | undefined): string {
  return value === undefined ? '' : visible(itemJson({ value }).slice('{"value":'.length, -1));
}

const LABEL = 'renamed'.length;
const GAP = 2;

/** An attribute has at most a third of the line; what one value leaves, the other may use. */
function within(rows: ReadonlyArray<readonly string[]>, { width }: Shown): string[][] {
  const longest = (column: number) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0));
  const attribute = Math.min(longest(1), Math.floor(width / 3));
  const room = width - LABEL - attribute - 4 * GAP;
  const half = Math.floor(room / 2);
  const before = Math.min(longest(2), Math.max(half, room - longest(3)));
  const widths = [LABEL, attribute, before, room - before];
  return rows.map((cells) => cells.map((cell, index) => cut(cell, widths[index] ?? 0)));
}
