// Enables or disables event source mappings, and waits until Lambda has done it: that takes up to a minute or so.

import { FerryError } from '../errors.ts';
import type { EventSource, EventSources } from '../ports.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';

export interface SwitchContext extends RetryContext {
  readonly mappings: EventSources;
  readonly onStep: (step: SwitchStep) => void;
}

export type SwitchStep =
  | { readonly kind: 'disable' | 'enable'; readonly mapping: EventSource }
  | { readonly kind: 'waiting'; readonly mapping: EventSource };

const POLL_MS = 2_000;
const WAIT_MS_MAX = 10 * 60_000;

/**
 * @param wanted the mappings to switch; those that are as wanted cost no request.
 * @throws FerryError `mapping.busy` where one has another state after ten minutes, what the service throws,
 *   or the reason of `context.stop`. Switching again is harmless.
 */
export async function switchMappings(
  wanted: readonly EventSource[],
  enabled: boolean,
  context: SwitchContext,
): Promise<void> {
  const { clock, mappings, stop, onStep } = context;
  const [target, opposite] = enabled ? ['Enabled', 'Disabled'] : ['Disabled', 'Enabled'];
  const ids = new Set(wanted.map(({ id }) => id));
  const asked = new Set<string>();
  const endMs = clock.now() + WAIT_MS_MAX;
  for (;;) {
    const all = await retry(() => mappings.list(), context);
    const others = all.filter(({ id, state }) => ids.has(id) && state !== target);
    const [other] = others;
    if (other === undefined) return;
    if (clock.now() >= endMs) throw busy(other, target);
    // Lambda refuses a change while an earlier one is under way.
    for (const mapping of others.filter(({ id, state }) => state === opposite && !asked.has(id))) {
      onStep({ kind: enabled ? 'enable' : 'disable', mapping });
      await retry(() => mappings.setEnabled(mapping.id, enabled), context);
      asked.add(mapping.id);
    }
    onStep({ kind: 'waiting', mapping: other });
    await clock.sleep(POLL_MS);
    stop.throwIfAborted();
  }
}

function busy({ id, state }: EventSource, wanted: string): FerryError {
  return new FerryError(
    `The event source mapping ${id} is ${state} after ten minutes, not ${wanted}.`,
    {
      code: 'mapping.busy',
      hint: 'See whether something else changes it, and run the command again.',
    },
  );
}
