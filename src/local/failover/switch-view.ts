// What the live page shows of a run whose direction is switched.

import type { Side } from '../../config/identity.ts';
import { grouped } from '../../text/number-text.ts';
import type { SwitchProof } from '../../switching/proof.ts';
import type { Figures, StoryView } from '../page/page-view.ts';
import type { BothDirections } from '../run/local-world.ts';

/** What is known at the moment. */
export interface SwitchScene {
  readonly active: Side;
  readonly epoch: number;
  /** Whether applications may write to the active table. */
  readonly isOpen: boolean;
  /** Writes that the application has refused so far. */
  readonly refused: number;
  readonly line: string;
  /** Of the latest switch that has ended. */
  readonly proof: SwitchProof | undefined;
}

export function switchingView(
  { outward: { source, destination } }: BothDirections,
  { active, epoch, isOpen, refused, line, proof }: SwitchScene,
): StoryView {
  const regions = [source.region, destination.region];
  const [region = '', other = ''] = active === 'source' ? regions : regions.toReversed();
  return {
    source: source.region,
    destination: destination.region,
    route: `${region} → ${other}`,
    step: line,
    first: {
      title: 'Which Region is active',
      figures: [
        ['Active', region],
        ['Epoch', `${epoch}`],
        ['Applications', isOpen ? 'may write' : 'are refused'],
        ['Writes refused so far', grouped(refused)],
      ],
    },
    second: {
      title: 'The last switch',
      figures: proof === undefined ? [] : proofFigures(proof),
    },
  };
}

const secondsText = (seconds: number | null) =>
  seconds === null ? 'unknown' : `${Math.round(seconds)} s`;

function proofFigures({ epochs, rpo, ...proof }: SwitchProof): Figures {
  const { shards, records, keys, applied, lookedAgain, rtoSeconds = 0 } = proof;
  const switched = ['Epochs', `${epochs.ended} → ${epochs.opened ?? '–'}`] as const;
  const rto = ['RTO', `${Math.round(rtoSeconds)} s`] as const;
  if (!rpo.proven) return [switched, ['RPO, an estimate', secondsText(rpo.seconds)], rto];
  return [
    switched,
    ['Shards', grouped(shards)],
    ['Records read', grouped(records)],
    ['Keys looked up', grouped(keys)],
    ['Applied by the switch', grouped(applied)],
    ['Looked up again', grouped(lookedAgain.keys)],
    ['Of these, different', grouped(lookedAgain.differences)],
    ['RPO, proven', secondsText(rpo.seconds)],
    rto,
  ];
}
