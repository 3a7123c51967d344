// When an AWS service or the network says no: an answer for the operator, not a bug with a stack.

import { describeError, FerryError } from '../errors.ts';

/**
 * Runs `action`, and turns an error of a service or the network into one that says which command could
 * not go on, why, and what to do.
 * @throws FerryError `COMMAND.interrupted`, or what `action` throws of its own.
 */
export async function explained<T>(
  command: string,
  hint: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof FerryError || !isServiceError(cause)) throw cause;
    const { code } = cause as { code?: string };
    const said = `${describeError(cause)}${code === undefined ? '' : ` (${code})`}`;
    throw new FerryError(`The ${command} could not go on: ${said}.`, {
      code: `${command}.interrupted`,
      hint,
      cause,
    });
  }
}

/** Errors of AWS's services carry metadata, those of the network a code, those of a time limit neither. */
function isServiceError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return '$metadata' in error || 'code' in error || error.name === 'AbortError';
}
