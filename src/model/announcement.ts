// Deletes that have been done -> messages to look at their keys again, once no write that was decided
// before them can land any more; and back.

import { ascii, decodeItem, type Item, itemJson, MalformedValue } from './attribute-value.ts';
import { epochIn, type Version } from './guard.ts';

export interface AnnouncedDelete {
  readonly key: Item;
  /** Of the delete: what is older at the twin goes. */
  readonly version: Version;
}

export interface Announcement {
  readonly replication: string;
  /** The deletes belong to it; they are of no interest once it has ended. */
  readonly epoch: number;
  readonly deletes: readonly AnnouncedDelete[];
}

/** Raised when a reader of the old form could misread the new one. */
const ANNOUNCEMENT_FORMAT = 1;

/** Bytes of a message at most: the price is per 64 KB, and 256 KiB is what every partition takes. */
export const ANNOUNCEMENT_BYTES_MAX = 240 * 1024;

/** As few bodies as fit, each in ASCII, because a queue may alter other text. Never empty for deletes. */
export function announcementBodies({ replication, epoch, deletes }: Announcement): string[] {
  const head = `{"format":${ANNOUNCEMENT_FORMAT},"replication":${asciiJson(replication)},"epoch":${epoch},"deletes":[`;
  const bodies: string[] = [];
  let parts: string[] = [];
  let bytes = 0;
  const close = () => {
    if (parts.length > 0) bodies.push(`${head}${parts.join(',')}]}`);
    parts = [];
    bytes = head.length + 2;
  };
  close();
  for (const { key, version } of deletes) {
    const part = `{"key":${ascii(itemJson(key))},"v":"${version}"}`;
    if (bytes + part.length + 1 > ANNOUNCEMENT_BYTES_MAX) close();
    parts.push(part);
    bytes += part.length + 1;
  }
  close();
  return bodies;
}

/** @returns undefined where a message is none of Ferry's, or of a form that this release does not know. */
export function parseAnnouncement(body: string): Announcement | undefined {
  try {
    const { format, replication, epoch, deletes } = JSON.parse(body) as Record<string, unknown>;
    if (format !== ANNOUNCEMENT_FORMAT || typeof replication !== 'string') return undefined;
    if (!Number.isSafeInteger(epoch) || !Array.isArray(deletes)) return undefined;
    return { replication, epoch: epoch as number, deletes: deletes.map(parseDelete) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    if (error instanceof MalformedValue) return undefined;
    throw error;
  }
}

function parseDelete(value: unknown): AnnouncedDelete {
  const { key, v } = value as { key?: unknown; v?: unknown };
  // Another text might be above every version, and take every item with it.
  if (typeof v !== 'string' || epochIn(v) === undefined)
    throw new TypeError('a delete without a version');
  return { key: decodeItem(key, 'key'), version: v };
}

function asciiJson(text: string): string {
  return ascii(JSON.stringify(text));
}
