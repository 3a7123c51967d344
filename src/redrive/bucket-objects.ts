// The batches that Lambda gave up, as objects of the bucket, in the order of their keys: some megabytes are redriven
// together, so that memory stays the same however many there are.

import { ON_FAILURE_OBJECT_PREFIX } from '../config/names.ts';
import type { ObjectRange } from '../bulk/task.ts';
import type { ControlRow } from '../model/control-row.ts';
import { parseFailureMessage } from '../model/failure-message.ts';
import type { StoredObject } from '../ports.ts';
import { mapInParallel } from '../pacing/in-parallel.ts';
import { type Load, loadOf } from './load.ts';
import { isOver, type Run } from './run.ts';
import { type Contents, objectText, unpack } from './unpack.ts';

export interface ObjectPart extends ObjectRange {
  /** Asked before more objects are taken in hand. */
  readonly isTimeUp?: (() => boolean) | undefined;
}

export interface ObjectLoads {
  readonly loads: readonly Load[];
  /** Of the objects. */
  readonly bytes: number;
  /** Key behind which to go on, where time is up; there are no further loads then. */
  readonly next?: string | undefined;
}

/** Of objects that are redriven together. A batch has six megabytes at most. */
const BYTES_MAX = 6 * 1_024 * 1_024;
const OBJECTS_MAX = 500;
/** Of a record, at least, as Lambda writes it: fewer bytes are no more records. */
const RECORD_BYTES = 400;
/** What is in hand, and what is read ahead, must be done before a worker's time is up. */
const GROUP_SECONDS = 120;
const READS_AT_ONCE = 8;

/** Objects in the order of their keys, to be redriven together. */
export async function* objectLoads(run: Run, range: ObjectPart = {}): AsyncGenerator<ObjectLoads> {
  let done: string | undefined;
  for await (const objects of groups(run, range)) {
    if (isOver(run)) return;
    // At least one group, or work would never end.
    if (done !== undefined && range.isTimeUp?.() === true) {
      yield { loads: [], bytes: 0, next: done };
      return;
    }
    const bytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    yield { loads: await open(objects, run), bytes };
    done = objects.at(-1)?.key;
  }
}

/** One group after the other. */
async function* groups(run: Run, range: ObjectRange): AsyncGenerator<readonly StoredObject[]> {
  let group: StoredObject[] = [];
  let bytes = 0;
  const paced = run.options.recordsPerSecond * GROUP_SECONDS * RECORD_BYTES;
  const bytesMax = Math.min(BYTES_MAX, paced);
  for await (const object of objectsIn(run, range)) {
    const isFull = bytes + object.sizeBytes > bytesMax || group.length === OBJECTS_MAX;
    if (isFull && group.length > 0) {
      yield group;
      [group, bytes] = [[], 0];
    }
    group.push(object);
    bytes += object.sizeBytes;
  }
  if (group.length > 0) yield group;
}

async function* objectsIn({ context }: Run, { after, upTo }: ObjectRange) {
  for await (const objects of context.bucket.list(ON_FAILURE_OBJECT_PREFIX, after)) {
    for (const object of objects) {
      if (upTo !== undefined && object.key > upTo) return;
      yield object;
    }
  }
}

async function open(objects: readonly StoredObject[], run: Run): Promise<Load[]> {
  const { bucket } = run.context;
  const control = await run.control();
  const contents = await mapInParallel(objects, READS_AT_ONCE, async ({ key }) =>
    isOver(run) ? undefined : contentsOf(key, control, run),
  );
  return objects.flatMap(({ key }, index) => {
    const found = contents[index];
    if (found === undefined || isOver(run)) return [];
    return loadOf(found, { control, remove: () => bucket.delete(key) }, run) ?? [];
  });
}

/** Undefined where another run has been faster. */
async function contentsOf(
  key: string,
  control: ControlRow,
  { context }: Run,
): Promise<Contents | undefined> {
  const object = await objectText(key, context.bucket);
  if (object.kind !== 'text') return object.kind === 'gone' ? undefined : object.kind;
  const message = parseFailureMessage(object.text, context.rules.replication);
  return unpack(message, control, context);
}
