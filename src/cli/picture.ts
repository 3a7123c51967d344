// A picture that a command writes to the file that its user names.

import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../errors.ts';

/** Before the work that it is to show. @throws UsageError where the file could not be written. */
export function checkPicture(path: string): void {
  explain(path, () => {
    accessSync(dirname(path), constants.W_OK);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
  });
}

/** @throws UsageError where the file cannot be written. */
export function writePicture(path: string, svg: string): void {
  explain(path, () => writeFileSync(path, svg));
}

function explain(path: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    throw new UsageError(`The picture ${path} cannot be written: ${(cause as Error).message}.`, {
      code: 'picture.unwritable',
      hint: 'Name another file with --svg.',
      cause,
    });
  }
}
