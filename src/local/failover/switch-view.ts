// What the live page shows of a run whose direction is switched.

import type { Side } from '../../config/identity.ts';
import { counted, grouped } from '../../text/number-text.ts';
import type { SwitchProof } from '../../switching/proof.ts';
import type { Figures, SwitchingView } from '../page/page-view.ts';
import type { BothDirections } from '../run/local-world.ts';

/** What is known at the moment. */
export interface SwitchScene {
  readonly active: Side;
  readonly epoch: number;
  /** Writes that the application has refused so far. */
  readonly refused: number;
  readonly line: string;
  /** Of the latest switch that has ended. */
  readonly proof: SwitchProof | undefined;
}

export function switchingView(
  { outward: { source, destination } }: BothDirections,
  { active, epoch, refused, line, proof }: SwitchScene,
): SwitchingView {
  const region = active === 'source' ? source.region : destination.region;
  return {
    source: source.region,
    destination: destination.region,
    active: region,
    step: line,
    state: [
      ['Active', region],
      ['Epoch', `${epoch}`],
      ['Writes refused so far', grouped(refused)],
    ],
    proof: proof === undefined ? [] : proofFigures(proof),
  };
}

function proofFigures({ epochs, rpo, ...proof }: SwitchProof): Figures {
  const { shards, records, keys, applied, lookedAgain, rtoSeconds = 0 } = proof;
  const switched = ['Switched', `epoch ${epochs.ended} to ${epochs.opened ?? '–'}`] as const;
  const times = [
    ['RPO', rpo.proven ? `${rpo.seconds} s, proven` : `about ${rpo.seconds ?? '?'} s, an estimate`],
    ['RTO', `${Math.round(rtoSeconds)} s`],
  ] as const;
  if (!rpo.proven) return [switched, ...times];
  return [
    switched,
    ['Read', `${counted(records, 'record')} of ${counted(shards, 'shard')}`],
    ['Compared', counted(keys, 'key')],
    ['Applied by the switch', grouped(applied)],
    ['Looked again', `${grouped(lookedAgain.keys)}, ${grouped(lookedAgain.differences)} differ`],
    ...times,
  ];
}
