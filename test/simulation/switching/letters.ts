// What waits for a redrive in a direction, as an operator reads it.

import type { OpenLetter, OpenLetters } from '../../../src/switching/ports.ts';
import type { Item } from '../memory-dynamodb.ts';
import type { Process } from '../process.ts';
import type { DirectionFunction } from './function.ts';
import type { SwitchWorld } from './world.ts';

interface Letter {
  readonly sequenceNumber?: string;
  readonly key?: Item;
  readonly version?: string;
  readonly reason?: { readonly name: string };
  readonly record?: { readonly dynamodb?: { readonly ApproximateCreationDateTime?: number } };
}

export function deadLetterIn(
  world: SwitchWorld,
  process: Process,
  of: DirectionFunction,
): Promise<OpenLetters> {
  return world.link('operator', of.source).send(process, 'queue', () => ({
    letters: of.places.bodies().map((body) => openLetter(JSON.parse(body) as Letter)),
    batches: [...of.places.objects.keys()].filter((key) => key.startsWith('aws/lambda/')).length,
    lost: 0,
  }));
}

function openLetter({ sequenceNumber, key, version, reason, record }: Letter): OpenLetter {
  return {
    sequenceNumber,
    key,
    version,
    createdAtSeconds: record?.dynamodb?.ApproximateCreationDateTime,
    reason: reason?.name ?? 'unknown',
  };
}
