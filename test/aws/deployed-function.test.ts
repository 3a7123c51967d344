// What the deployed function tells, where its environment has a customer managed key that the caller may not use.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deployedBulk,
  deployedSettings,
  deployedSinceMs,
  deployedTimeoutSeconds,
} from '../../src/aws/deployed-function.ts';
import { type LambdaCloud, lambdaState, openLambdaCloud } from '../fixtures/lambda-cloud.ts';

const REGION = { region: 'us-east-1' };
const KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
const before = { ...process.env };

let cloud: LambdaCloud;
beforeAll(async () => {
  Object.assign(process.env, KEYS);
  cloud = await openLambdaCloud(
    lambdaState({
      timeoutSeconds: 90,
      changedAt: '2026-01-31T12:00:00.000+0000',
      environmentError: {
        ErrorCode: 'AccessDeniedException',
        Message: 'Lambda was unable to decrypt the environment variables.',
      },
    }),
  );
});
afterAll(async () => {
  await cloud.close();
  for (const name of Object.keys(KEYS)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

describe('bulk runs that are not deployed', () => {
  const endpoint = () => process.env['AWS_ENDPOINT_URL_LAMBDA'] ?? '';
  beforeAll(() => {
    cloud.state.isDeployed = false;
  });
  afterAll(() => {
    cloud.state.isDeployed = true;
  });

  it('says how to deploy them', async () => {
    await expect(deployedBulk(REGION, 'orders')).rejects.toMatchObject({
      code: 'deployment.missing',
      hint: expect.stringContaining('Set "bulk" to true') as string,
    });
  });

  it('says that a local run has none', async () => {
    const local = { ...REGION, endpoints: { lambda: endpoint() } };

    await expect(deployedBulk(local, 'orders')).rejects.toMatchObject({
      code: 'deployment.missing',
      hint: 'The configuration names endpoints on this machine, and a local run has no state machine. Leave out --bulk.',
    });
  });
});

describe('a function whose environment may not be decrypted', () => {
  it.each([
    ['settings', deployedSettings, 'ferry-orders-replicate'],
    ['bulk runs', deployedBulk, 'ferry-orders-bulk'],
  ])('refuses to tell its %s, and says that it is for the key', async (_, ask, name) => {
    await expect(ask(REGION, 'orders')).rejects.toMatchObject({
      code: 'deployment.environment',
      message: `Lambda could not decrypt the environment of ${name}: AccessDeniedException, Lambda was unable to decrypt the environment variables.`,
      hint: expect.stringContaining('kms:Decrypt') as string,
    });
  });

  it('tells what is not in its environment', async () => {
    expect(await deployedTimeoutSeconds(REGION, 'orders')).toBe(90);
    expect(await deployedSinceMs(REGION, 'ferry-orders-replicate')).toBe(Date.UTC(2026, 0, 31, 12));
  });
});
