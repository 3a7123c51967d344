// A folder in the place of a queue and a bucket: a file for each letter, and for each batch that is given up. A file is
// whole, and survives a crash of the machine, before its records count as done.

import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FerryError, UsageError } from '../errors.ts';
import { deadLetterMessage } from '../model/dead-letter.ts';
import type {
  Clock,
  DeadLetterQueue,
  MessageQueue,
  ObjectStore,
  QueuedMessage,
  StoredObject,
} from '../ports.ts';

export interface LettersFolder {
  readonly deadLetters: DeadLetterQueue;
  /** Keeps what is no letter of a record: a note about a batch. */
  readonly note: (body: string) => Promise<void>;
  /** The letters, for one reader: what it hides, it hides from itself only. */
  readonly queue: MessageQueue;
  readonly objects: ObjectStore;
}

/** What the names of files with letters begin with. */
const LETTER = 'letter-';
const PAGE = 1_000;
const MESSAGES_PER_RECEIVE = 10;

/** Another process may still write a file that is younger. */
const HALF_WRITTEN_MS = 3_600_000;

/** Letters hold items: no other user of the machine may read them. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Creates the folder of a replication. @throws FerryError `letters.unusable` where nothing can be written there. */
export async function createLettersFolder(
  folder: string,
  replication: string,
  clock: Clock,
): Promise<LettersFolder> {
  const path = resolve(folder, replication);
  try {
    const first = await mkdir(path, { recursive: true, mode: FOLDER_MODE });
    if (first !== undefined) await syncCreated(path, first);
    await removeHalfWritten(path, clock.now());
    // Another process may do the same at the same time.
    const probe = join(path, `.${randomUUID()}`);
    await writeFile(probe, '');
    await rm(probe, { force: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FerryError(`Letters cannot be kept in ${path}: ${why}.`, {
      code: 'letters.unusable',
      hint: 'Name a folder that this user can write to with --letters.',
      cause,
    });
  }
  return lettersIn(path, clock);
}

/** What a crash has left. */
async function removeHalfWritten(path: string, nowMs: number): Promise<void> {
  for (const name of (await readdir(path)).filter((one) => one.startsWith('.'))) {
    const found = await ifThere(stat(join(path, name)));
    const ageMs = nowMs - (found?.mtimeMs ?? nowMs);
    if (ageMs >= HALF_WRITTEN_MS) await rm(join(path, name), { force: true });
  }
}

/** The same of a folder that is there. @throws UsageError `letters.missing` */
export async function openLettersFolder(
  folder: string,
  replication: string,
  clock: Clock,
): Promise<LettersFolder> {
  const path = resolve(folder, replication);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return lettersIn(path, clock);
  throw new UsageError(`There is no folder ${path}.`, {
    code: 'letters.missing',
    hint: `Give --letters the folder that \`ferry run\` has: in it, ${replication} has a folder of its own.`,
  });
}

function lettersIn(path: string, clock: Clock): LettersFolder {
  const objects = filesIn(path);
  const keep = (body: string, at: string) =>
    objects.put(`${LETTER}${at.replaceAll(':', '')}-${randomUUID()}.json`, body);
  return {
    objects,
    queue: queueIn(path, objects, clock),
    note: (body) => keep(body, new Date(clock.now()).toISOString()),
    deadLetters: {
      async send(letter) {
        const { body } = deadLetterMessage(letter, { sizeBytesMax: Infinity, objectKey: '' });
        await keep(body, letter.failedAt);
      },
    },
  };
}

function filesIn(path: string): ObjectStore {
  return {
    async put(key, body, signal) {
      signal?.throwIfAborted();
      const whole = join(path, nameOf(key));
      const part = join(path, `.${randomUUID()}`);
      try {
        await writeFile(part, body);
        await rename(part, whole);
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
      await syncFolder(path);
    },
    async get(key) {
      const bytes = await bytesOf(path, key);
      try {
        return bytes && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch (cause) {
        throw new FerryError(`The file ${join(path, nameOf(key))} is not UTF-8.`, {
          code: 'objects.unreadable',
          cause,
        });
      }
    },
    async *list(prefix, after = '') {
      const keys = (await keysIn(path, prefix)).filter((key) => key > after);
      for (let from = 0; from < keys.length; from += PAGE) {
        const page = keys.slice(from, from + PAGE).map((key) => storedObject(path, key));
        yield (await Promise.all(page)).filter((one) => one !== undefined);
      }
    },
    delete: (key) => rm(join(path, nameOf(key)), { force: true }),
  };
}

function queueIn(path: string, objects: ObjectStore, clock: Clock): MessageQueue {
  const hiddenUntilMs = new Map<string, number>();
  /** Found, and not handed out yet. */
  let waiting: string[] = [];
  const isHidden = (key: string) => (hiddenUntilMs.get(key) ?? 0) > clock.now();
  const find = async () => {
    waiting = (await keysIn(path, LETTER)).filter((key) => !isHidden(key));
  };
  let finding: Promise<void> | undefined;
  return {
    async receive(hiddenSeconds) {
      for (;;) {
        if (waiting.length === 0) await (finding ??= find().finally(() => (finding = undefined)));
        const keys = waiting.splice(0, MESSAGES_PER_RECEIVE);
        for (const key of keys) hiddenUntilMs.set(key, clock.now() + hiddenSeconds * 1000);
        const found = await Promise.all(keys.map((key) => messageOf(path, key)));
        const messages = found.filter((one) => one !== undefined);
        // Otherwise, another reader has deleted all of them.
        if (messages.length > 0 || keys.length === 0) return messages;
      }
    },
    async delete({ messageId }) {
      await objects.delete(messageId);
      hiddenUntilMs.delete(messageId);
    },
    async release({ messageId }) {
      hiddenUntilMs.delete(messageId);
    },
    size: async () => (await keysIn(path, LETTER)).length,
  };
}

async function messageOf(path: string, key: string): Promise<QueuedMessage | undefined> {
  const [bytes, stored] = await Promise.all([bytesOf(path, key), storedObject(path, key)]);
  if (bytes === undefined || stored === undefined) return undefined;
  const body = bytes.toString();
  return { body, sentAtMs: stored.storedAtMs, messageId: key, receiptHandle: key };
}

/** No key leads out of the folder, or to a file that is still being written: those begin with a dot. */
function nameOf(key: string): string {
  return encodeURIComponent(key).replace(/^\./, '%2E');
}

/** In the order of their texts. What is not a file of Ferry's is left alone. */
async function keysIn(path: string, prefix: string): Promise<string[]> {
  const keys = (await readdir(path)).flatMap((name) => keyOf(name) ?? []);
  return keys.filter((key) => key.startsWith(prefix)).toSorted();
}

function keyOf(name: string): string | undefined {
  try {
    const key = decodeURIComponent(name);
    return nameOf(key) === name ? key : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

async function storedObject(path: string, key: string): Promise<StoredObject | undefined> {
  const found = await ifThere(stat(join(path, nameOf(key))));
  return found && { key, sizeBytes: found.size, storedAtMs: Math.round(found.mtimeMs) };
}

function bytesOf(path: string, key: string): Promise<Buffer | undefined> {
  return ifThere(readFile(join(path, nameOf(key))));
}

async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeFile(path: string, body: string): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Each folder up to the first that was created, in the one that it is in. */
async function syncCreated(path: string, first: string): Promise<void> {
  await syncFolder(dirname(path));
  if (path !== first) await syncCreated(dirname(path), first);
}

/** The names in a folder are data of the folder's own. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
