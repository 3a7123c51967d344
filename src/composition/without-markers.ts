// A table without the markers of a switch, which are neither copied nor compared: the switch deletes them.

import { isMarker } from '../model/marker.ts';
import type { ReadableTable } from '../ports.ts';

export function withoutMarkers(table: ReadableTable): ReadableTable {
  return {
    ...table,
    async scan(position) {
      const page = await table.scan(position);
      return { ...page, items: page.items.filter((item) => !isMarker(table.keyOf(item))) };
    },
  };
}
