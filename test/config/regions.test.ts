// A mistyped Region is noticed, and the list that this takes is as long as that of the CDK.

import { rmSync } from 'node:fs';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { afterAll, describe, expect, it } from 'vitest';
import { KNOWN_REGIONS, regionDoubt } from '../../src/config/regions.ts';
import { appOf, EXISTING, stackOf, temporary } from '../lib/stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true, force: true }));

it('knows every Region that the CDK knows', () => {
  expect([...KNOWN_REGIONS].toSorted()).toEqual(
    RegionInfo.regions.map(({ name }) => name).toSorted(),
  );
});

it.each([
  ['eu-wst-1', 'Ferry knows no Region eu-wst-1. Did you mean eu-west-1?'],
  ['us-est-1', 'Ferry knows no Region us-est-1. Did you mean us-east-1?'],
  ['zz-somewhere-9', 'Ferry knows no Region zz-somewhere-9.'],
  ['eu-west-1', undefined],
])('says of %s: %s', (region, doubt) => {
  expect(regionDoubt(region)).toBe(doubt);
});

describe('a synthesis', () => {
  const warnings = (destination: object) => {
    const app = appOf({ ...EXISTING, destination: { ...EXISTING.destination, ...destination } });
    return Annotations.fromStack(stackOf(app, 'ferry-orders-source'))
      .findWarning('*', Match.stringLikeRegexp('Ferry knows no Region'))
      .map(({ entry }) => JSON.stringify(entry.data));
  };

  it('warns of a Region that nobody knows, and goes on', () => {
    expect(warnings({ region: 'eu-wst-1' })).toEqual([
      expect.stringContaining('Ferry knows no Region eu-wst-1. Did you mean eu-west-1?'),
    ]);
  });

  it.each([
    ['known', {}],
    ['an emulator’s', { region: 'xx-local-1', endpoint: 'http://127.0.0.1:8000' }],
  ])('says nothing of a Region that is %s', (_, destination) => {
    expect(warnings(destination)).toEqual([]);
  });
});
