// What the live page shows of a switch, from what a run knows of it.

import { expect, it } from 'vitest';
import { switchingView, type SwitchScene } from '../../src/local/failover/switch-view.ts';
import type { BothDirections } from '../../src/local/run/local-world.ts';
import type { SwitchProof } from '../../src/switching/proof.ts';

const BOTH = {
  outward: { source: { region: 'us-east-1' }, destination: { region: 'eu-west-1' } },
} as BothDirections;
const PROOF: SwitchProof = {
  format: 1,
  replication: 'local',
  from: 'us-east-1',
  to: 'eu-west-1',
  epochs: { ended: 1, opened: 2 },
  shards: 6,
  records: 41_207,
  keys: 9_113,
  applied: 2,
  lettersAccepted: [],
  writesRefused: { from: '2026-01-31T14:02:13.000Z', to: '2026-01-31T14:03:24.000Z' },
  rpo: { seconds: 0, proven: true },
  rtoSeconds: 71,
  lookedAgain: { keys: 9_113, differences: 0 },
  fence: 'application',
  switch: '000000000001',
  by: 'ferry local',
};
const SCENE: SwitchScene = {
  active: 'destination',
  epoch: 2,
  isOpen: true,
  refused: 7_100,
  line: 'The application writes in eu-west-1.',
  proof: PROOF,
};

it('names the active Region, its epoch, and whether it may be written to', () => {
  const view = switchingView(BOTH, SCENE);

  expect(view).toMatchObject({
    source: 'us-east-1',
    route: 'eu-west-1 → us-east-1',
    step: SCENE.line,
  });
  expect(Object.fromEntries(view.first.figures)).toEqual({
    Active: 'eu-west-1',
    Epoch: '2',
    Applications: 'may write',
    'Writes refused so far': '7,100',
  });
});

it('shows what a proof stands on', () => {
  expect(Object.fromEntries(switchingView(BOTH, SCENE).second.figures)).toEqual({
    Epochs: '1 → 2',
    Shards: '6',
    'Records read': '41,207',
    'Keys looked up': '9,113',
    'Applied by the switch': '2',
    'Looked up again': '9,113',
    'Of these, different': '0',
    'RPO, proven': '0 s',
    RTO: '71 s',
  });
});

it('calls an estimate an estimate', () => {
  const proof = { ...PROOF, rpo: { seconds: 1.4, proven: false } };

  expect(switchingView(BOTH, { ...SCENE, proof }).second.figures).toEqual([
    ['Epochs', '1 → 2'],
    ['RPO, an estimate', '1 s'],
    ['RTO', '71 s'],
  ]);
});

it('has no proof before the first switch', () => {
  const view = switchingView(BOTH, { ...SCENE, active: 'source', isOpen: false, proof: undefined });

  expect(view).toMatchObject({ route: 'us-east-1 → eu-west-1', second: { figures: [] } });
  expect(view.first.figures).toContainEqual(['Applications', 'are refused']);
});
