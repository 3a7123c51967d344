// The documents say what the code says: where they are made of it, they are current.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { documents } from '../lib/documents/documents.ts';
import { alarmLines, withAlarmLines } from '../lib/documents/alarm-lines.ts';
import { sampleResources } from '../lib/documents/sample-templates.ts';
import { SETTING_CHANGES } from '../lib/documents/setting-changes.ts';
import { allSettings } from '../lib/documents/settings-document.ts';

describe('made of the code', () => {
  it.each(documents('.'))('$path is current: otherwise run `npm run docs`', ({ is, should }) => {
    expect(is).toBe(should);
  });
});

describe('docs/settings.md', () => {
  it('says of every setting, and of nothing else, what a change does', () => {
    const paths = allSettings().map(({ path }) => path);

    expect(paths.length).toBeGreaterThan(40);
    expect(Object.keys(SETTING_CHANGES).toSorted()).toEqual(paths.toSorted());
  });

  it('leads to entries of the runbook that exist', () => {
    const runbook = readFileSync('docs/runbook.md', 'utf8');
    const anchors = [...runbook.matchAll(/^## (.+)$/gm)].map((match) =>
      (match[1] ?? '').toLowerCase().replaceAll(' ', '-'),
    );
    const links = Object.values(SETTING_CHANGES).flatMap((change) =>
      [...change.matchAll(/runbook\.md#([a-z-]+)/g)].map((match) => match[1] ?? ''),
    );

    expect(links.length).toBeGreaterThan(8);
    expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
  });
});

describe('the runbook', () => {
  const resources = sampleResources();

  it('has every alarm of the template once, with its own numbers', () => {
    const lines = [...alarmLines(resources).values()].flat();
    const alarms = Object.values(resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');

    expect(lines).toHaveLength(alarms.length);
    expect(lines).toContain(
      '- `ferry-orders-latency-high` fires if the p99 of `ReplicationLatency` is 1 min or more in 3 of 10 minutes.',
    );
    expect(lines).toContain(
      '- `ferry-orders-heartbeat-missing` fires if the maximum of `HeartbeatAge` is 5 min or more in 1 of 5 minutes, or there is none for 5 minutes.',
    );
    expect(lines).toContain(
      '- `ferry-orders-look-again-age` fires if the maximum of `ApproximateAgeOfOldestMessage` is 1 h 2 min 5 s or more in 1 of 10 minutes.',
    );
  });

  it('cannot lose the place for an alarm unnoticed', () => {
    const runbook = readFileSync('docs/runbook.md', 'utf8');

    const without = runbook.replace('<!-- fires -->', '');
    expect(() => withAlarmLines(without, resources)).toThrow('has no place for its alarms');
    const renamed = runbook.replace('## Dead letters', '## Letters');
    expect(() => withAlarmLines(renamed, resources)).toThrow('no entry for dead-letters');
  });
});

describe('docs/permissions.md', () => {
  const text = readFileSync('docs/permissions.md', 'utf8');
  const policies = [...text.matchAll(/^```json\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

  it('has policies that IAM can read', () => {
    expect(policies.length).toBeGreaterThan(20);
    for (const policy of policies) {
      const { Version, Statement } = JSON.parse(policy) as { Version: string; Statement: object[] };
      expect(Version).toBe('2012-10-17');
      for (const statement of Statement) {
        expect(statement).toMatchObject({
          Effect: 'Allow',
          Resource: expect.anything() as unknown,
        });
        expect(JSON.stringify(statement)).not.toMatch(/Fn::|"Ref"|undefined|\[object/);
      }
    }
  });
});
