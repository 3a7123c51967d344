// The dashboard of a made-up replication, synthesised as for a deployment: all that it takes is a
// configuration.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import cdk from '../../cdk.json' with { type: 'json' };
import { parseConfig } from '../../src/config.ts';
import { buildApp } from '../ferry-app.ts';
import { type DashboardBody, parseDashboardBody } from './dashboard-body.ts';

const KEY = { partitionKey: { name: 'pk', type: 'S' } };

/** With everything that the dashboard can show. */
const SAMPLE = {
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', create: true, ...KEY },
  destination: { region: 'eu-west-1', table: 'OrdersTwin', create: true, ...KEY },
  heartbeat: { key: { pk: 'ferry-heartbeat' } },
  alarms: { runbook: 'https://wiki.example.com/ferry' },
};

export function sampleDashboard(): DashboardBody {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-dashboard-'));
  try {
    return parseDashboardBody(synthesizedBody(directory));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function synthesizedBody(directory: string): unknown {
  // The template names its code by a digest, and the dashboard does not show it: any file will do.
  writeFileSync(join(directory, 'index.mjs'), '');
  const outdir = join(directory, 'cdk.out');
  const app = new App({ context: cdk.context, outdir, autoSynth: false });
  const code = {
    codeDirectory: directory,
    heartbeatCodeDirectory: directory,
    lookAgainCodeDirectory: directory,
  };
  buildApp(app, parseConfig({ replications: [SAMPLE] }), code);
  const { template } = app.synth().getStackByName(`ferry-${SAMPLE.name}-source`);
  const resources = Object.values((template as Template).Resources);
  const dashboard = resources.find(({ Type }) => Type === 'AWS::CloudWatch::Dashboard');
  return dashboard?.Properties['DashboardBody'];
}

interface Template {
  readonly Resources: Readonly<
    Record<
      string,
      { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }
    >
  >;
}
