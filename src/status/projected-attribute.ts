// What the rules of a projection make of a top-level attribute. A module does not tell.

import { attributePath } from '../config/attribute-path.ts';
import { hashRules } from '../config/projection-settings.ts';
import type { ProjectionConfig } from '../config/schema.ts';

export interface Fate {
  readonly change: 'drops' | 'hashes' | 'renames';
  /** The new name. */
  readonly to?: string;
}

/** @returns undefined where the twin has such an attribute: it stays, or another one gets its name, or it is set. */
export function fateOf(name: string, projection: ProjectionConfig | undefined): Fate | undefined {
  const { keepOnly, drop = [], rename = {}, set = {} } = projection?.attributes ?? {};
  const isIt = (path: string) => wholeName(path) === name;
  const renames = Object.entries(rename).filter(([path]) => wholeName(path) !== undefined);
  if (Object.keys(set).some(isIt) || renames.some(([, to]) => to === name)) return undefined;
  if (hashRules({ projection }).some(({ attribute }) => isIt(attribute)))
    return { change: 'hashes' };
  const [, to] = renames.find(([path]) => isIt(path)) ?? [];
  if (to !== undefined) return { change: 'renames', to };
  const isKept = keepOnly?.some((path) => attributePath(path)[0] === name) ?? true;
  return isKept && !drop.some(isIt) ? undefined : { change: 'drops' };
}

/** Of a path to a top-level attribute. */
function wholeName(path: string): string | undefined {
  const [name, ...inside] = attributePath(path);
  return inside.length === 0 ? name : undefined;
}
