// Which epoch `ferry adopt` opens where both tables are written: the one of the configuration, or none.

import { describe, expect, it } from 'vitest';
import { clockVersion } from '../../src/model/clock-version.ts';
import { type FoundControl, newestEpoch, nextEpoch } from '../../src/model/control-row.ts';
import { type Version, versionOf } from '../../src/model/guard.ts';
import {
  type Configured,
  configuredAfterSurvey,
  planConfigured,
} from '../../src/switchover/adopt-configured.ts';
import { type AdoptionPlan, newSurvey, surveyTwin } from '../../src/switchover/adoption.ts';
import { STREAM_ARN } from '../fixtures/records.ts';
import { controlRow } from '../fixtures/replication.ts';

const ROW = controlRow();
const IDENTITY = {
  region: 'us-east-1',
  streamArn: STREAM_ARN,
  reserved: ROW.reserved,
  destinationId: ROW.destinationId,
  ledgerId: ROW.ledgerId,
  tag: 'test',
  nowMs: 5,
};
const OTHER_STREAM = STREAM_ARN.replace('Orders', 'Copy');
const PLAIN = { again: false, asIs: false };
const home = (epoch: number): Configured => ({ mode: 'home', epoch });
const stamped = (epoch: number): Configured => ({ mode: 'stamped', epoch });
const second = nextEpoch(ROW, IDENTITY);
const found = (row = ROW): FoundControl => ({ kind: 'row', row });

const outcome = (plan: AdoptionPlan) => {
  if (plan.kind === 'refused') return plan.advice;
  return plan.kind === 'survey' ? 'survey' : `${plan.kind} ${newestEpoch(plan.row).n}`;
};

describe('a control row', () => {
  it.each([
    ['of the configured epoch', found(), home(1), 'nothing 1'],
    ['of an earlier epoch', found(), home(2), 'open 2'],
    ['of a much earlier epoch', found(), stamped(7), 'open 7'],
    ['that is missing', { kind: 'missing' } as const, home(1), 'survey'],
  ])('%s', (_, row, wanted, expected) => {
    expect(outcome(planConfigured(row, IDENTITY, PLAIN, wanted))).toBe(expected);
  });

  it('of a later epoch is not lowered', () => {
    const plan = planConfigured(found(second), IDENTITY, PLAIN, home(1));

    expect(plan).toMatchObject({
      kind: 'refused',
      problem:
        'The control row has epoch 2, and the configuration has "twoWay.epoch": 1. Versions of an earlier epoch would lose to all that is there.',
    });
    expect(outcome(plan)).toBe(
      'Set "twoWay.epoch" to 2, if epoch 2 goes on. To open an epoch, set "twoWay.epoch" to 3, deploy both directions, and run `ferry adopt` for both.',
    );
  });

  it('of another table needs an epoch that is not open yet', () => {
    const other = { ...IDENTITY, streamArn: OTHER_STREAM };

    expect(planConfigured(found(), other, PLAIN, stamped(1))).toMatchObject({
      kind: 'refused',
      advice:
        'To open an epoch, set it in the plug-in of all applications first, then set "twoWay.epoch" to 2, deploy both directions, and run `ferry adopt` for both.',
    });
    expect(outcome(planConfigured(found(), other, PLAIN, home(3)))).toBe('open 3');
    const madeAnew = { ...IDENTITY, destinationId: 'another' };
    expect(outcome(planConfigured(found(), madeAnew, PLAIN, home(3)))).toBe('survey');
  });
});

describe('versions of the tables, where no control row tells', () => {
  const stamp = (epoch: number): Version =>
    clockVersion({ epoch, ms: 9, counter: 0, origin: 2, unique: '9' });
  const sequence = (epoch: number) => versionOf({ epoch, labelMs: 3 }, '7');

  it.each<[string, Version[], Configured, string]>([
    ['none', [], home(1), 'open 1'],
    ['none, with a higher epoch', [], home(4), 'open 4'],
    ['copied from a twin of the epoch', [sequence(1)], home(1), 'refused'],
    ['copied from a twin of an earlier epoch', [sequence(1)], home(2), 'open 2'],
    ['stamps of applications that began before', [stamp(1)], stamped(1), 'open 1'],
    ['stamps of a later epoch', [stamp(2)], stamped(1), 'refused'],
    ['stamps beside versions of an earlier epoch', [sequence(1), stamp(2)], stamped(2), 'open 2'],
    ['stamps beside versions of the same epoch', [sequence(2), stamp(2)], stamped(2), 'refused'],
    ['stamps, where homes are to begin', [stamp(2)], home(2), 'refused'],
  ])('%s', (_, versions, wanted, expected) => {
    const survey = newSurvey();
    const items = versions.map((v) => ({ _ferry: { M: { v: { S: v } } } }));
    surveyTwin(survey, items, IDENTITY);

    const plan = configuredAfterSurvey(survey, IDENTITY, { why: 'missing' }, wanted);

    expect(plan.kind === 'refused' ? 'refused' : outcome(plan)).toBe(expected);
  });
});
