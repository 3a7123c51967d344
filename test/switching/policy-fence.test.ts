// The fence against DynamoDB's policy calls, as slow and as inconsistent as they may be.

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { CheckedHandler } from '../../src/aws/checked-handler.ts';
import { probeWrite } from '../../src/aws/fence-probe.ts';
import { tablePolicy } from '../../src/aws/resource-policy.ts';
import { UsageError } from '../../src/errors.ts';
import { policyWith } from '../../src/switching/fence-policy.ts';
import { type PolicyFence, policyFence, promisedFence } from '../../src/switching/policy-fence.ts';
import { isDenied, openPolicyCloud, type PolicyCloud, TABLE_ARN } from './policy-cloud.ts';

const ROLE = 'arn:aws:iam::111122223333:role';
const INBOUND = `${ROLE}/ferry-orders-back-replicate`;
const APPLICATION = `${ROLE}/checkout`;
const FOREIGN = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Sid: 'Theirs', Effect: 'Allow', Principal: '*', Action: 'dynamodb:GetItem', Resource: '*' },
  ],
});

let cloud: PolicyCloud;
let client: DynamoDBClient;
let fence: PolicyFence;
beforeEach(async () => {
  cloud = await openPolicyCloud();
  client = new DynamoDBClient({
    region: 'us-east-1',
    endpoint: cloud.endpoint,
    maxAttempts: 1,
    requestHandler: new CheckedHandler(),
  });
  fence = fenceFor();
});
afterEach(async () => {
  client.destroy();
  await cloud.close();
});

function fenceFor(): PolicyFence {
  const credentials = fixedCredentials({ accessKeyId: 'ferry-orders-probe', secretAccessKey: 's' });
  const by = { region: 'us-east-1', endpoint: cloud.endpoint, credentials };
  return policyFence({
    tableArn: TABLE_ARN,
    policy: tablePolicy(client, TABLE_ARN),
    exempt: [INBOUND],
    inbound: [INBOUND],
    probe: () => probeWrite({ by, table: 'Orders', key: { pk: { S: 'ferry-probe' } } }),
    clock: cloud.clock,
  });
}

/** As a switch does. */
async function setUntilDone(one: PolicyFence, wish: Parameters<PolicyFence['set']>[0], id: string) {
  for (;;) {
    const waitMs = await one.set(wish, id);
    if (waitMs === 0) return;
    await cloud.clock.sleep(waitMs);
  }
}

const canWrite = (principal: string) => !isDenied(cloud.policy(), principal, 'dynamodb:PutItem');

describe('set', () => {
  it('raises the fence beside what is there, and takes it away again', async () => {
    cloud.overwrite(FOREIGN);

    await setUntilDone(fence, { fenced: true }, 'run-1');
    expect([APPLICATION, INBOUND].map(canWrite)).toEqual([false, true]);
    await setUntilDone(fence, { fenced: false }, 'run-1');

    expect(cloud.policy()).toBe(FOREIGN);
    expect(cloud.changes).toBe(2);
  });

  it('leaves no policy behind where there was none, and takes that for done', async () => {
    await setUntilDone(fence, { fenced: true, inboundRefused: true }, 'run-1');
    expect([APPLICATION, INBOUND].map(canWrite)).toEqual([false, false]);
    await setUntilDone(fence, { inboundRefused: false }, 'run-1');
    expect([APPLICATION, INBOUND].map(canWrite)).toEqual([false, true]);
    await setUntilDone(fence, { fenced: false }, 'run-1');

    expect(cloud.policy()).toBeUndefined();
    expect(await fence.set({ fenced: false }, 'run-1')).toBe(0);
    expect(cloud.changes).toBe(3);
  });

  it('asks to come back while DynamoDB takes no other change, for 15 seconds', async () => {
    await fence.set({ fenced: true }, 'run-1');
    const startMs = cloud.clock.now();

    const waitMs = await fence.set({ inboundRefused: true }, 'run-1');
    expect(waitMs).toBeGreaterThan(0);
    expect(canWrite(INBOUND)).toBe(true);
    await setUntilDone(fence, { inboundRefused: true }, 'run-1');

    expect(canWrite(INBOUND)).toBe(false);
    expect(cloud.clock.now() - startMs).toBeGreaterThanOrEqual(15_000);
    expect(cloud.clock.now() - startMs).toBeLessThan(20_000);
  });

  it('writes nothing the second time', async () => {
    await fence.set({ fenced: true }, 'run-1');

    expect(await fence.set({ fenced: true }, 'run-1')).toBe(0);
    expect(cloud.changes).toBe(1);
  });

  it('of another run makes the late request of its predecessor fail', async () => {
    await fence.set({ fenced: true }, 'run-1');
    const late = tablePolicy(client, TABLE_ARN);
    const seen = await late.read();
    const wanted = policyWith(seen.policy, {
      tableArn: TABLE_ARN,
      tag: 'run-1',
      inbound: [INBOUND],
    });
    await cloud.clock.sleep(15_000);

    expect(await fence.set({ fenced: true }, 'run-2')).toBe(0);
    await cloud.clock.sleep(15_000);

    expect(await late.replace(seen, wanted)).toBe('changed');
    expect(canWrite(INBOUND)).toBe(true);
    expect(cloud.changes).toBe(2);
  });

  const taken = () =>
    Promise.reject(new UsageError('taken', { code: 'switching.taken', hint: '' }));

  it('of a run that was taken over changes nothing, also where it has slept since its last look', async () => {
    await expect(fence.set({ fenced: true }, 'run-1', taken)).rejects.toThrow('taken');
    expect(cloud.changes).toBe(0);

    // The other run claims, and changes the policy, between the look and the change.
    const late = () => fence.set({ fenced: false }, 'run-2').then(() => undefined);
    await fence.set({ fenced: true }, 'run-1');
    await cloud.clock.sleep(15_000);
    const waitMs = await fence.set({ inboundRefused: true }, 'run-1', late);

    expect(waitMs).toBeGreaterThan(0);
    expect(cloud.policy()).toBeUndefined();
  });

  it('takes a change back that was late, and leaves what another run has written since', async () => {
    let looks = 0;
    const takenSince = () => ((looks += 1) === 1 ? Promise.resolve() : taken());
    cloud.overwrite(FOREIGN);

    await expect(fence.set({ fenced: true }, 'run-1', takenSince)).rejects.toThrow('taken');

    expect([cloud.policy(), cloud.changes]).toEqual([FOREIGN, 2]);

    looks = 0;
    await cloud.clock.sleep(15_000);
    const thenFenced = async () => {
      if ((looks += 1) === 1) return;
      await cloud.clock.sleep(15_000);
      await setUntilDone(fence, { inboundRefused: true }, 'run-2');
      await taken();
    };
    await expect(fence.set({ fenced: true }, 'run-1', thenFenced)).rejects.toThrow('taken');

    expect([APPLICATION, INBOUND].map(canWrite)).toEqual([false, false]);
  });

  it('leaves a fence down that both runs have wanted to be down', async () => {
    await fence.set({ fenced: true }, 'run-1');
    await cloud.clock.sleep(15_000);
    let looks = 0;
    const thenTaken = async () => {
      if ((looks += 1) === 1) return;
      await cloud.clock.sleep(3_000);
      expect(await fence.set({ fenced: false }, 'run-2')).toBe(0);
      await taken();
    };

    await expect(fence.set({ fenced: false }, 'run-1', thenTaken)).rejects.toThrow('taken');

    expect(canWrite(APPLICATION)).toBe(true);
    expect(cloud.changes).toBe(2);
  });

  it('adds to what another editor has written in between', async () => {
    let isFirst = true;
    cloud.before = () => {
      if (isFirst) cloud.overwrite(FOREIGN);
      isFirst = false;
    };

    await setUntilDone(fence, { fenced: true }, 'run-1');

    expect(canWrite(APPLICATION)).toBe(false);
    expect(cloud.policy()).toContain('"Theirs"');
  });

  it('asks to come back where another run was faster: it may have taken the switch over', async () => {
    const taken = policyWith(undefined, { tableArn: TABLE_ARN, tag: 'run-2', fence: [INBOUND] });
    await fence.set({ fenced: true }, 'run-1');
    await cloud.clock.sleep(15_000);
    cloud.before = () => cloud.overwrite(taken ?? '');

    expect(await fence.set({ fenced: false }, 'run-1')).toBeGreaterThan(0);

    expect(canWrite(APPLICATION)).toBe(false);
  });

  it('does not add to what a deployment has put back since, or removed', async () => {
    cloud.overwrite(FOREIGN);
    await setUntilDone(fence, { fenced: true }, 'run-1');
    cloud.overwrite(FOREIGN);

    await setUntilDone(fence, { fenced: false }, 'run-1');
    expect(cloud.policy()).toBe(FOREIGN);
    expect(cloud.changes).toBe(1);
    await setUntilDone(fence, { fenced: true }, 'run-2');

    expect(canWrite(APPLICATION)).toBe(false);
  });

  it('reads again where it is shown a policy that is gone', async () => {
    cloud.overwrite(FOREIGN);
    cloud.shownAfterMs = 5_000;

    await setUntilDone(fence, { fenced: true }, 'run-1');

    expect(cloud.policy()).toContain('"Theirs"');
    expect(canWrite(APPLICATION)).toBe(false);
  });

  it('gives up where the policy never stays the same', async () => {
    let count = 0;
    cloud.before = () => cloud.overwrite(FOREIGN.replace('Theirs', `Theirs${(count += 1)}`));

    await expect(setUntilDone(fence, { fenced: true }, 'run-1')).rejects.toMatchObject({
      name: 'UsageError',
      code: 'fence.conflict',
    });
    expect(cloud.changes).toBe(0);
  });
});

describe('probe', () => {
  it('is refused once the fence is effective, over a connection of its own each time', async () => {
    cloud.effectiveAfterMs = 40_000;
    expect(await fence.probe()).toBe('writable');
    await fence.set({ fenced: true }, 'run-1');

    const answers: string[] = [];
    for (let second = 0; second < 60; second += 10) {
      answers.push(await fence.probe());
      await cloud.clock.sleep(10_000);
    }

    expect(answers).toEqual([...Array(4).fill('writable'), 'refused', 'refused']);
    expect(new Set(cloud.puts.map(({ socket }) => socket)).size).toBe(cloud.puts.length);
    expect(cloud.puts[0]?.principal).toBe(`${ROLE}/ferry-orders-probe`);
  });

  it('tells of a host that does not know the fence yet', async () => {
    await fence.set({ fenced: true }, 'run-1');
    cloud.leaks = (put) => put === 2;

    const answers = [await fence.probe(), await fence.probe(), await fence.probe()];

    expect(answers).toEqual(['refused', 'writable', 'refused']);
  });

  it('asks again where DynamoDB says nothing about the fence', async () => {
    await fence.set({ fenced: true }, 'run-1');
    cloud.faults.push('ProvisionedThroughputExceededException', 'InternalServerError');

    expect(await fence.probe()).toBe('refused');
  });

  it('counts no failure as a denial', async () => {
    await fence.set({ fenced: true }, 'run-1');
    cloud.faults.push(...Array<string>(3).fill('InternalServerError'));

    await expect(fence.probe()).rejects.toMatchObject({ name: 'InternalServerError' });
  });

  it.each([
    'because no identity-based policy allows the dynamodb:PutItem action',
    'with an explicit deny in a service control policy',
    'because no VPC endpoint policy allows the dynamodb:PutItem action',
  ])('counts no denial that IAM explains otherwise: %s', async (reason) => {
    cloud.denial = () => reason;

    await expect(fence.probe()).rejects.toMatchObject({ name: 'UsageError', code: 'fence.probe' });
    expect(cloud.puts).toHaveLength(1);
  });
});

describe('check, before anything is changed', () => {
  it('passes where the fence can be raised, and where it is there already', async () => {
    await fence.check();
    cloud.overwrite(policyWith(FOREIGN, { tableArn: TABLE_ARN, tag: 'x', fence: [INBOUND] }));

    await fence.check();

    expect(cloud.puts).toHaveLength(1);
    expect(cloud.changes).toBe(0);
  });

  it('refuses a policy that would be too large', async () => {
    cloud.overwrite(FOREIGN.replace('Theirs', 'x'.repeat(20_000)));

    await expect(fence.check()).rejects.toMatchObject({ name: 'UsageError', code: 'fence.size' });
    expect(cloud.changes).toBe(0);
  });

  it('refuses a probe that is denied without a fence', async () => {
    cloud.denial = () => '';

    await expect(fence.check()).rejects.toMatchObject({ name: 'UsageError', code: 'fence.probe' });
  });
});

describe('promised by the operator', () => {
  it('adds nothing to the policy, and takes away what an earlier switch has left', async () => {
    await setUntilDone(fence, { fenced: true, inboundRefused: true }, 'run-1');
    await cloud.clock.sleep(15_000);
    const promised = promisedFence(fence);
    const before = cloud.policy();

    expect(await promised.set({ fenced: true, inboundRefused: true }, 'run-2')).toBe(0);
    expect(cloud.policy()).toBe(before);
    expect(await promised.set({ fenced: false, inboundRefused: true }, 'run-2')).toBe(0);

    expect([APPLICATION, INBOUND].map(canWrite)).toEqual([true, false]);
    expect(promised.kind).toBe('application');
  });

  it('takes nothing away once another run has taken over', async () => {
    await setUntilDone(fence, { fenced: true, inboundRefused: true }, 'run-1');
    await cloud.clock.sleep(15_000);
    const before = cloud.policy();
    const requireOwn = async () => {
      throw new UsageError('taken', { code: 'switching.taken', hint: 'none' });
    };

    const asked = promisedFence(fence).set({ fenced: false }, 'run-1', requireOwn);

    await expect(asked).rejects.toMatchObject({ code: 'switching.taken' });
    expect(cloud.policy()).toBe(before);
  });

  it('leaves IAM alone where the configuration says so', async () => {
    const promised = promisedFence();

    expect(await promised.set({ fenced: false, inboundRefused: false }, 'run-1')).toBe(0);
    expect(cloud.changes + cloud.puts.length).toBe(0);
    await expect(promised.probe()).rejects.toThrow('not probed');
  });
});
