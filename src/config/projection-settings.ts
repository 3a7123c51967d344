// What the settings of a projection say, without opening it.

import type { ProjectionConfig } from './schema.ts';
import type { HashRule } from './schema-projection.ts';

type Projecting = { readonly projection?: ProjectionConfig | undefined };

/** Whether the projection may leave items out: the stream then needs old images, too. */
export function mayLeaveOut({ projection }: Projecting): boolean {
  return projection?.keepItems !== undefined || projection?.module !== undefined;
}

export function hashRules({ projection }: Projecting): readonly HashRule[] {
  return [projection?.attributes?.hash ?? []].flat();
}
