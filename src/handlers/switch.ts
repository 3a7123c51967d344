// Lambda's entry for switches, called by the state machine `ferry-switch`: checks the layers, works on one table for as
// long as the invocation has time, and fails a layer whose tables have not all been switched.

import type { Context } from 'aws-lambda';
import { SWITCH_VARIABLE } from '../config/names.ts';
import { isBackName, outwardName } from '../config/names.ts';
import { type Layer, type LayerTask, parseLayers, requireAllDone } from '../switching/layers.ts';

/** One table, and how it ended. */
export interface Ended {
  readonly replication: string;
  /** Why, for people. */
  readonly failed?: string;
}

type SwitchEvent =
  | { readonly kind: 'layers'; readonly payload: unknown }
  | {
      readonly kind: 'ended';
      readonly layer: number;
      readonly resources: readonly LayerTask[];
      readonly results: readonly Partial<Ended>[];
    };

/** @returns what the next state needs. */
export async function handler(event: SwitchEvent, _: Context): Promise<object> {
  if (event.kind === 'layers') return { layers: layersHere(event.payload) };
  requireAllDone(event.layer, event.resources.length, failuresOf(event));
  return {};
}

function layersHere(payload: unknown): Layer[] {
  const here = process.env['AWS_REGION'] ?? '';
  const names = JSON.parse(process.env[SWITCH_VARIABLE] ?? '') as Record<string, string[]>;
  const known = Object.entries(names).flatMap(([there, directions]) =>
    directions.map((name) => {
      const isBack = isBackName(name);
      const [source, destination] = isBack ? [there, here] : [here, there];
      return [isBack ? outwardName(name) : name, { source, destination }] as const;
    }),
  );
  return parseLayers(payload, new Map(known), here);
}

/** What has no result has failed, too: its run was stopped. */
function failuresOf({
  resources,
  results,
}: Extract<SwitchEvent, { kind: 'ended' }>): readonly string[] {
  return resources.flatMap(({ replication }) => {
    const ended = results.find((one) => one.replication === replication);
    if (ended !== undefined && ended.failed === undefined) return [];
    return `${replication}: ${ended?.failed ?? 'its run was stopped'}`;
  });
}
