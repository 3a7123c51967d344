// Heartbeats of a process, unless something else writes them: a deployed function, or another replication of a chain.

import { beat, type BeatContext } from '../heartbeat/beat.ts';
import { BEAT_ATTRIBUTE } from '../model/latency.ts';
import type { Item, ItemReader, TwinWriter } from '../ports.ts';

/** Another writer is gone once it has missed a heartbeat. */
const MISSED_PERIODS = 1.5;

/** @returns what to call every period: it resolves with the age of the oldest heartbeat that is not on the twin. */
export function ownBeats(context: Omit<BeatContext, 'turn'>): () => Promise<number> {
  const { clock, periodMs, reservedAttribute } = context;
  let found: Item | undefined;
  let written: string | undefined;
  const source: ItemReader = {
    get: async (key) => (found = await context.source.get(key)),
  };
  const writer: TwinWriter = {
    async write(request) {
      const reply = await context.writer.write(request);
      if (request.operation === 'PutItem') written = request.input.Item?.[BEAT_ATTRIBUTE]?.N;
      return reply;
    },
  };
  const isOurs = () => {
    if (found?.[reservedAttribute] !== undefined) return false;
    const last = found?.[BEAT_ATTRIBUTE]?.N;
    const isOwn = last === undefined || last === written;
    return isOwn || clock.now() - Number(last) >= MISSED_PERIODS * periodMs;
  };
  const turn = async () => ({ isActive: true, writer: isOurs() ? writer : undefined });
  return () => beat({ ...context, source, turn });
}
