// Projections of simulated worlds: their rules, the attributes that items have for them, and what the twin must have.
// `twinOf` and `seenBy` are written from the rules' documentation, and share no code with what they judge.

import type { HandlerSettings } from '../../src/config/handler-settings.ts';
import type { ProjectionConfig } from '../../src/config/schema.ts';
import type { Condition } from '../../src/config/schema-projection.ts';
import type { Projection } from '../../src/model/projection.ts';
import { rulesProjection } from '../../src/projection/rules-projection.ts';
import type { Item } from './memory-dynamodb.ts';
import type { PlannedWrite } from './plan.ts';
import { happens, oneOf, randomOf } from './random.ts';
import type { SourceWrite, StreamEntry } from './stream.ts';

/** What a process obeys, and the rules that its projection was made of. */
export interface ProcessSettings extends HandlerSettings {
  readonly projection?: Projection | undefined;
  readonly planned?: ProjectionConfig | undefined;
}

/** In the text of every attribute that projections drop. */
export const SECRET = 'secret-of-';

const compiled = new Map<string, Projection>();

export function compile(planned: ProjectionConfig): Projection {
  const text = JSON.stringify(planned);
  const known = compiled.get(text) ?? rulesProjection(planned);
  compiled.set(text, known);
  return known;
}

const CONDITIONS: readonly [Condition, ...Condition[]] = [
  { attribute: 'keep', equals: { BOOL: true } },
  { not: { attribute: 'keep', equals: { BOOL: false } } },
];

/** Applied twice, each gives another item than once, or fails. */
type Renames = Readonly<Record<string, string>>;
const RENAMES: readonly [Renames, ...Renames[]] = [
  { a: 'b', b: 'c' },
  { a: 'd', b: 'a' },
  { a: 'b', b: 'a' },
];
/** Fails for the items that have the attribute. */
const TAKEN = { a: 'taken' } as const;

/** Rules by chance. @param fails whether they fail for some items. */
export function rulesOf(seed: number, name: string, fails: boolean): ProjectionConfig {
  const random = randomOf(seed, name);
  const keepItems = happens(random, 0.7) ? oneOf(random, CONDITIONS) : undefined;
  const drop = ['secret', 'profile.phone', ...(happens(random, 0.3) ? ['keep'] : [])];
  const rename = fails ? TAKEN : oneOf(random, RENAMES);
  const set = happens(random, 0.5) ? { region: { S: oneOf(random, ['eu', 'cn']) } } : undefined;
  return {
    ...(keepItems && { keepItems }),
    attributes: { drop, rename, ...(set && { set }) },
  };
}

/** Whether no item makes the rules fail. */
export function isSound(planned: ProjectionConfig | undefined): boolean {
  return planned?.attributes?.rename?.['a'] !== TAKEN.a;
}

/** Of the item that a write puts. */
export function attributesOf(
  seed: number,
  { number, keeps }: Pick<PlannedWrite, 'number' | 'keeps'>,
): Item {
  const random = randomOf(seed, `item ${number}`);
  const [keep, b, taken] = [random.next(), happens(random, 0.5), happens(random, 0.4)];
  return {
    ...(keep < 0.9 || keeps !== undefined ? { keep: { BOOL: keeps ?? keep < 0.45 } } : {}),
    a: { S: `a-of-${number}` },
    ...(b ? { b: { S: `b-of-${number}` } } : {}),
    ...(taken ? { taken: { S: `taken-of-${number}` } } : {}),
    secret: { S: `${SECRET}${number}` },
    profile: { M: { name: { S: `${number}` }, phone: { S: `${SECRET}${number}` } } },
  };
}

/** What the twin must have of a source item: undefined where it is left out. */
export function twinOf(
  source: Item,
  planned: ProjectionConfig | undefined,
): Item | 'fails' | undefined {
  const { _ferry: _, ...item } = source;
  if (planned === undefined) return item;
  const { keepItems, attributes = {} } = planned;
  const kept = item['keep']?.BOOL;
  if (keepItems?.not !== undefined && kept === false) return undefined;
  if (keepItems?.attribute !== undefined && kept !== true) return undefined;
  const { drop = [], rename = {}, set = {} } = attributes;
  const left = drop.reduce(without, item);
  const old = Object.keys(rename).filter((name) => left[name] !== undefined);
  const rest = old.reduce(without, left);
  const moved = old.map((name) => [rename[name] ?? '', left[name]] as const);
  if (moved.some(([name]) => rest[name] !== undefined)) return 'fails';
  return { ...rest, ...Object.fromEntries(moved), ...set } as Item;
}

/** @param path of an attribute, or of one in a map. */
function without(item: Item, path: string): Item {
  const [name = '', inner] = path.split('.');
  const { [name]: value, ...rest } = item;
  if (inner === undefined || value?.M === undefined) return inner === undefined ? rest : item;
  return { ...item, [name]: { M: without(value.M, inner) } };
}

/** The same for items that have the same attributes, in whatever order. */
export function textOf(item: Item | undefined): string {
  return JSON.stringify(Object.entries(item ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

type SeeingSettings = Pick<ProcessSettings, 'planned' | 'ttlDeletes'>;

export interface Seen {
  /** `never`: the twin did not have the item before, and does not get it. `unknown`: the old image is missing. */
  readonly kind: 'put' | 'delete' | 'never' | 'failed' | 'unknown';
  readonly isInsert: boolean;
}

/** A write as the twin sees it. Without the old image, a delete is one of an item that the twin may have. */
export function seenBy(
  { image, before, isInsert, malformed }: SourceWrite,
  { planned, ttlDeletes }: SeeingSettings,
  hasOldImage = true,
): Seen {
  if (malformed) return { kind: 'delete', isInsert: false };
  const filters = planned?.keepItems !== undefined;
  const wasThere = !isInsert && !(hasOldImage && before && twinOf(before, planned) === undefined);
  // What has expired may still be on the twin.
  const mayBeThere = wasThere || (ttlDeletes === 'skip' && (isInsert || image === undefined));
  if (image === undefined)
    return { kind: filters && !mayBeThere ? 'never' : 'delete', isInsert: false };
  const after = twinOf(image, planned);
  if (after === 'fails') return { kind: 'failed', isInsert: false };
  if (after !== undefined) return { kind: 'put', isInsert: isInsert || (filters && !wasThere) };
  if (!mayBeThere) return { kind: 'never', isInsert: false };
  return { kind: hasOldImage ? 'delete' : 'unknown', isInsert: false };
}

/** Of a record, as an invocation with these settings must see it. */
export function seenIn({ write, record }: StreamEntry, settings: SeeingSettings): Seen {
  return seenBy(write, settings, record.dynamodb?.OldImage !== undefined || write.isInsert);
}
