// What the plug-in refuses: its message says what was wrong, and its hint what to do.

import { FerryError, type FerryErrorDetails } from '../errors.ts';

/** Applications catch it by its name, `FerryStampError`, and tell cases apart by `code`. */
export class StampError extends FerryError {
  override readonly name = 'FerryStampError';

  constructor(message: string, details: FerryErrorDetails & { readonly hint: string }) {
    super(`${message}. ${details.hint}`, details);
  }
}
