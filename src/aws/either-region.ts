// Asks STS, which answers the same in every Region of a partition: where one of them is lost, another one.

import { classifyFailure } from '../model/write-failure.ts';

/** @param other undefined where there is none to ask. */
export async function inEitherRegion<T>(
  ask: (region: string) => Promise<T>,
  { region, other }: { readonly region: string; readonly other: string | undefined },
): Promise<T> {
  try {
    return await ask(region);
  } catch (error) {
    const { kind } = classifyFailure(error);
    if (other === undefined || (kind !== 'unreachable' && kind !== 'unknown')) throw error;
    return ask(other);
  }
}
