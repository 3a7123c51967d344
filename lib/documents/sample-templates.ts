// The templates of a made-up replication that has everything optional, for the documents that are made of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import cdk from '../../cdk.json' with { type: 'json' };
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { buildApp } from '../app.ts';

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

export type Resources = Readonly<Record<string, Resource>>;

/** Existing tables, as in the README, and the names of the runbook. */
const SAMPLE = {
  name: 'orders',
  source: {
    region: 'us-east-1',
    table: 'Orders',
    streamArn:
      'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
  },
  destination: { region: 'eu-west-1', table: 'Orders' },
  heartbeat: { key: { pk: 'ferry-heartbeat' } },
  bulk: true,
  reconcile: { repair: true },
  // With an address, the description of an alarm ends with the anchor of its entry.
  alarms: { runbook: 'https://runbook.example' },
};

/** The same, where the direction can be switched. */
const SWITCHED = {
  ...SAMPLE,
  switching: {
    streamArn:
      'arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
  },
};

/** The same, where the changes come through a Kinesis stream. */
const KINESIS = {
  ...SAMPLE,
  source: {
    region: 'us-east-1',
    table: 'Orders',
    kinesisStreamArn: 'arn:aws:kinesis:us-east-1:111122223333:stream/order-changes',
    kinesisRetentionHours: 168,
  },
};

/** The same, where both tables are written. */
const TWO_WAY = {
  name: 'orders',
  direction: 'both',
  source: SAMPLE.source,
  destination: SAMPLE.destination,
  alarms: SAMPLE.alarms,
  twoWay: {
    mode: 'stamped',
    losers: 'keep',
    streamArn: SWITCHED.switching.streamArn,
  },
};
const HOME = {
  ...TWO_WAY,
  twoWay: {
    ...TWO_WAY.twoWay,
    mode: 'home',
    home: {
      rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
      otherwise: 'us-east-1',
    },
  },
};

/** Checked. */
export const sampleReplication = () => parsed(SAMPLE);
export const switchedReplication = () => parsed(SWITCHED);
export const kinesisReplication = () => parsed(KINESIS);

/** The direction that starts in the source Region. */
export const homeReplication = () => parsed(HOME);
export const stampedReplication = () => parsed(TWO_WAY);

function parsed(sample: object): ReplicationConfig {
  const [replication] = parseConfig({ replications: [sample] }).replications;
  if (replication === undefined) throw new Error('A replication is parsed to at least one.');
  return replication;
}

let made: Resources | undefined;

/** Of the stack in the source Region, with what only switching, a Kinesis stream or both directions add. */
export function sampleResources(): Resources {
  return (made ??= {
    ...synthesize(KINESIS),
    ...synthesize(SWITCHED),
    ...synthesize(SAMPLE),
    ...ofBothDirections(synthesize(TWO_WAY)),
  });
}

/** Alarms that have the id of one of switching, and an entry of their own. */
function ofBothDirections(resources: Resources): Resources {
  const own = Object.entries(resources).filter(([, { Properties }]) =>
    String(Properties['AlarmDescription']).endsWith('#both-directions'),
  );
  return Object.fromEntries(own.map(([id, resource]) => [`BothDirections${id}`, resource]));
}

function synthesize(replication: object): Resources {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-documents-'));
  try {
    const outdir = join(directory, 'cdk.out');
    const app = new App({ context: cdk.context, outdir, autoSynth: false });
    buildApp(app, parseConfig({ replications: [replication] }));
    const stack = app.synth().getStackByName(`ferry-${SAMPLE.name}-source`);
    return (stack.template as { Resources: Resources }).Resources;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
