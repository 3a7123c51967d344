// Some items of a table, drawn by chance: a few of each of many small segments, or of a small table all.

import type { Random, ReadableTable, ScanPage, UnreadableItem } from '../ports.ts';
import type { Item } from '../model/attribute-value.ts';
import { chosenSegments, SEGMENTS_MAX, SMALL_BYTES } from './sample.ts';

export interface DrawnItems {
  /** In an order by chance. */
  readonly items: readonly Item[];
  readonly unreadable: readonly UnreadableItem[];
  readonly readUnits: number;
  /** Whether they are all items of the table. */
  readonly isWhole: boolean;
}

export interface Draw {
  /** Items at most. */
  readonly wanted: number;
  /** Of the table, as DynamoDB knows it: about every six hours. */
  readonly facts: { readonly items: number; readonly sizeBytes: number };
  readonly random: Random;
}

/** Of a segment: an item's neighbours say little more than the item. */
const ITEMS_OF_SEGMENT = 2;
/** Many of a table that has shrunk may be empty. */
const SEGMENTS_PER_ITEM = 4;
/** Of a table that has grown: 8 MB. */
const PAGES_MAX = 8;

/** Rejects as `source.scan` does. */
export async function drawItems(source: Pick<ReadableTable, 'scan'>, draw: Draw) {
  const { items, sizeBytes } = draw.facts;
  const isSmall = sizeBytes <= SMALL_BYTES || items <= draw.wanted * ITEMS_OF_SEGMENT;
  return isSmall ? drawOfAll(source, draw) : drawOfSegments(source, draw);
}

async function drawOfAll(
  source: Pick<ReadableTable, 'scan'>,
  { wanted, random }: Draw,
): Promise<DrawnItems> {
  const pages: ScanPage[] = [];
  let after: Item | undefined;
  do {
    const page = await source.scan({ segment: 0, totalSegments: 1, after });
    pages.push(page);
    after = page.next;
  } while (after !== undefined && pages.length < PAGES_MAX);
  const all = pages.flatMap(({ items }) => items);
  const chosen = chosenSegments(all.length, Math.min(wanted, all.length), random);
  return {
    ...drawn(pages),
    items: chosen.map((index) => all[index] as Item),
    isWhole: after === undefined && all.length <= wanted,
  };
}

async function drawOfSegments(
  source: Pick<ReadableTable, 'scan'>,
  { wanted, facts, random }: Draw,
): Promise<DrawnItems> {
  const totalSegments = Math.min(SEGMENTS_MAX, Math.ceil(facts.items / ITEMS_OF_SEGMENT));
  const most = Math.min(totalSegments, wanted * SEGMENTS_PER_ITEM);
  const pages: ScanPage[] = [];
  let missing = wanted;
  for (const segment of chosenSegments(totalSegments, most, random)) {
    const limit = Math.min(missing, ITEMS_OF_SEGMENT);
    const page = await source.scan({ segment, totalSegments, limit });
    pages.push(page);
    missing -= page.items.length;
    if (missing <= 0) break;
  }
  return { ...drawn(pages), isWhole: false };
}

function drawn(pages: readonly ScanPage[]) {
  return {
    items: pages.flatMap(({ items }) => items),
    unreadable: pages.flatMap(({ unreadable }) => unreadable),
    readUnits: pages.reduce((sum, page) => sum + page.readUnits, 0),
  };
}
