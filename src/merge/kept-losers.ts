// The writes that have lost, as they are kept in the buckets of both directions: found by their keys and dates, read
// one object each, and told without their contents.

import { LOSER_OBJECT_PREFIX } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import { keyDigest, type Loser, type LoserKind, parseLoser } from '../model/loser.ts';
import type { Origin } from '../model/rules.ts';
import type { ObjectStore } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';

/** Where the losers of a side are: in the bucket of the function that reads its stream. */
export interface LoserPlace {
  readonly side: Origin;
  /** Name of the direction whose source the side is. */
  readonly replication: string;
  readonly bucket: Pick<ObjectStore, 'get' | 'list'>;
}

/** What a list has of a loser: no contents. */
export interface ListedLoser
  extends Pick<Loser, 'kind' | 'key' | 'createdAtSeconds' | 'lostVersion' | 'wonVersion'> {
  readonly id: string;
  readonly side: Origin;
}

interface UnreadableLoser {
  readonly id: string;
  readonly side: Origin;
  readonly problem: string;
}

export interface LoserList {
  /** By kind, of all that were found. */
  readonly counts: Record<LoserKind, number>;
  /** The newest first, and no more than were asked for. */
  readonly newest: readonly ListedLoser[];
  readonly unreadable: readonly UnreadableLoser[];
}

export interface LoserQuery {
  /** Canonical text of the only key. @default all */
  readonly keyText?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly limit: number;
}

const OBJECTS_AT_ONCE = 16;

/** @throws what the buckets throw; what cannot be read is listed as such. */
export async function listLosers(
  places: readonly LoserPlace[],
  query: LoserQuery,
): Promise<LoserList> {
  const counts = { replaced: 0, removed: 0, stray: 0 };
  const unreadable: UnreadableLoser[] = [];
  let newest: ListedLoser[] = [];
  for (const place of places)
    for await (const page of place.bucket.list(LOSER_OBJECT_PREFIX, startOf(query))) {
      const objects = page.map(({ key }) => key).filter((key) => isOfKey(key, query));
      const tasks = objects.map((object) => async () => {
        const found = await readLoser(object, place);
        const at = { id: idOf(object), side: place.side };
        if (found === undefined) return;
        if (found.kind === 'unreadable') unreadable.push({ ...at, problem: found.problem });
        else if (isSince(found.loser, query)) {
          counts[found.loser.kind] += 1;
          newest.push(listed(found.loser, at));
        }
      });
      await inParallel(tasks, OBJECTS_AT_ONCE);
      newest = newest.toSorted(newestFirst).slice(0, query.limit);
    }
  return { counts, newest, unreadable };
}

/** Objects of earlier dates are not listed. */
function startOf({ sinceMs }: LoserQuery): string | undefined {
  if (sinceMs === undefined) return undefined;
  return `${LOSER_OBJECT_PREFIX}${new Date(sinceMs).toISOString().slice(0, 10)}`;
}

function isOfKey(object: string, { keyText }: LoserQuery): boolean {
  return keyText === undefined || object.split('/')[2] === keyDigest(keyText);
}

function isSince({ createdAtSeconds }: Loser, { sinceMs = 0 }: LoserQuery): boolean {
  return createdAtSeconds * 1000 >= sinceMs;
}

function listed(loser: Loser, at: Pick<ListedLoser, 'id' | 'side'>): ListedLoser {
  const { kind, key, createdAtSeconds, lostVersion, wonVersion } = loser;
  return { ...at, kind, key, createdAtSeconds, lostVersion, wonVersion };
}

function newestFirst(one: ListedLoser, two: ListedLoser): number {
  const later = two.createdAtSeconds - one.createdAtSeconds;
  return later === 0 ? (one.id < two.id ? 1 : -1) : later;
}

function idOf(object: string): string {
  return object.slice(LOSER_OBJECT_PREFIX.length).replace(/\.json$/, '');
}

type ReadLoser =
  | { readonly kind: 'loser'; readonly loser: Loser }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** @returns undefined where it has expired, or is of another replication that shares the bucket. */
async function readLoser(
  object: string,
  { bucket, replication }: LoserPlace,
): Promise<ReadLoser | undefined> {
  const body = await bucket.get(object).catch((error: unknown) => {
    if (isNotText(error)) return NOT_TEXT;
    throw error;
  });
  if (body === undefined) return undefined;
  const found = parseLoser(body);
  return found.kind === 'loser' && found.loser.replication !== replication ? undefined : found;
}

/** It is no JSON either. */
const NOT_TEXT = '';

function isNotText(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'objects.unreadable';
}

export interface FoundLoser {
  readonly side: Origin;
  readonly loser: Loser;
}

/** @returns undefined where no side has it; what cannot be read is an answer. */
export async function findLoser(
  id: string,
  places: readonly LoserPlace[],
): Promise<FoundLoser | { readonly problem: string } | undefined> {
  for (const place of places) {
    const found = await readLoser(`${LOSER_OBJECT_PREFIX}${id}.json`, place);
    if (found?.kind === 'unreadable') return { problem: found.problem };
    if (found !== undefined) return { side: place.side, loser: found.loser };
  }
  return undefined;
}

/** What a loser has lost or won, by name: for a person who asks for it. */
export function imagesOf({ lost, won }: Loser): ReadonlyArray<readonly [string, Item | undefined]> {
  return [
    ['lost', lost],
    ['won', won],
  ];
}
