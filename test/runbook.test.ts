// The runbook's commands work, and every alarm has its entry.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALARM_DESCRIPTION_MAX } from '../lib/alarm-text.ts';
import { parseDashboardBody } from './fixtures/dashboard/dashboard-body.ts';
import { main } from '../src/cli/main.ts';
import {
  appOf,
  BEATING,
  CHINA,
  only,
  resources,
  stackOf,
  templates,
} from './lib/stack-templates.ts';
import { openMonitoringCloud } from './fixtures/monitoring-cloud.ts';
import { type DeployedReplication, deployLocally, TWIN } from './fixtures/deployed-replication.ts';

const runbook = readFileSync('docs/runbook.md', 'utf8');
const commands = [...runbook.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].flatMap((match) =>
  (match[1] ?? '')
    .trim()
    .split('\n')
    .map((line) => line.trim()),
);
const ferryCommands = [...new Set(commands.filter((command) => command.startsWith('ferry ')))];

/** Of AWS's own command line, which is no part of this project: what each is for. */
const AWS_COMMANDS: Readonly<Record<string, string>> = {
  'aws lambda get-function-configuration': 'the role and the settings of the function',
  'aws lambda get-account-settings': 'how much concurrency there is',
  'aws lambda list-event-source-mappings': 'whether the mapping is enabled, and its last result',
  'aws logs tail': 'what the function says',
  'aws logs describe-log-groups': 'which log groups are there',
  'aws cloudwatch disable-alarm-actions': 'silences an alarm',
  'aws cloudwatch enable-alarm-actions': 'lets it fire again',
  'aws dynamodb describe-table': 'whether the table is there',
  'aws dynamodb update-item': 'removes an attribute that stands in the way',
  'aws dynamodb get-resource-policy': 'what a switch has left in it',
  'aws dynamodb delete-resource-policy': 'removes it, if there is nothing else in it',
  'aws stepfunctions start-execution': 'starts a comparison at once',
  'aws stepfunctions list-executions': 'whether comparisons are started, and how they end',
  'aws sqs get-queue-url': 'the URL that the next ones need',
  'aws sqs get-queue-attributes': 'whether the queue is empty',
  'aws sqs delete-queue': 'removes an empty queue',
};
/** Need an account, or the network. */
const OTHER_COMMANDS = [
  'git rev-parse HEAD',
  'git pull --ff-only',
  'git checkout COMMIT',
  'npm ci',
  'npx cdk diff',
  'npx cdk destroy',
  'npx cdk import',
  'npx cdk deploy',
];

let deployed: DeployedReplication;
beforeAll(async () => {
  deployed = await deployLocally('orders');
});
afterAll(() => deployed.close());

describe('the runbook’s commands', () => {
  it('are all known here', () => {
    const unknown = commands.filter(
      (command) =>
        !ferryCommands.includes(command) &&
        AWS_COMMANDS[command.split(' ').slice(0, 3).join(' ')] === undefined &&
        !OTHER_COMMANDS.some((known) => command.startsWith(known)),
    );

    expect(ferryCommands.length).toBeGreaterThan(5);
    expect(unknown).toEqual([]);
  });

  it.each(ferryCommands.filter((command) => / redrive .*--bulk/.test(command)))(
    '%s: is known',
    async () => {
      const { exitCode, out } = await ferry(['redrive', '--help'], []);

      expect(exitCode).toBe(0);
      expect(out.join('\n')).toContain('--bulk');
    },
  );

  it.each(ferryCommands.filter((command) => / redrive (?!.*--bulk)/.test(command)))(
    '%s',
    async (command) => {
      await deployed.park(3);

      const { exitCode, out, err } = await ferry(words(command), deployed.places);

      expect(err).toEqual([]);
      expect(out.join('\n')).toMatch(/^orders: \d+ (?:selected )?failed records?/);
      // Something matched and was left, or nothing is left.
      expect([0, 3]).toContain(exitCode);
      const emptied = (await deployed.queue.size()) === 0;
      expect(emptied).toBe(command.endsWith('orders --apply'));
    },
  );

  it('about whole tables: find a difference, show what to do, and do it', async () => {
    const others = ferryCommands.filter((command) => / (verify|repair) /.test(command));
    const report = join(mkdtempSync(join(tmpdir(), 'ferry-runbook-')), 'report.jsonl');
    await deployed.engine.client.send(
      new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: 'lost' } } }),
    );
    const ran: Record<string, number> = {};
    for (const command of others) {
      const args = words(command).filter((word) => !word.endsWith('.jsonl') && word !== '--report');
      const quick = ['--settle', '0', '--report', report];
      const { exitCode, err } = await ferry([...args, ...quick], deployed.config);
      expect(err).toEqual([]);
      ran[command] = exitCode;
    }
    rmSync(dirname(report), { recursive: true, force: true });

    expect(ran).toEqual({
      'ferry verify --replication orders': 3,
      'ferry repair --replication orders --report ferry-orders-differences.jsonl': 3,
      'ferry repair --replication orders --report ferry-orders-differences.jsonl --apply': 0,
    });
  });
});

it.each(ferryCommands.filter((command) => command.includes(' adopt ')))(
  '%s: changes nothing where the control row is right',
  async (command) => {
    const { exitCode, out, err } = await ferry(words(command), deployed.config);

    expect(err).toEqual([]);
    expect(out.join('\n')).toContain('There is nothing to adopt.');
    expect(exitCode).toBe(0);
  },
);

it.each(ferryCommands.filter((command) => command.includes(' backfill ')))(
  '%s: copies what the twin lacks',
  async (command) => {
    const item = { pk: { S: 'never-copied' } };
    await deployed.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item: item }));

    const { exitCode } = await ferry(words(command), deployed.config);

    expect(exitCode).toBe(0);
    expect(await deployed.engine.get(TWIN, item)).toMatchObject(item);
  },
);

it.each(ferryCommands.filter((command) => / (pause|resume) /.test(command)))(
  '%s: says how it is',
  async (command) => {
    const isPause = command.includes(' pause ');
    const { exitCode, out } = await whileMapping(isPause ? 'Disabled' : 'Enabled', () =>
      ferry(words(command), deployed.config),
    );

    expect(out.join('\n')).toMatch(isPause ? /Resume before \S+Z/ : /mapping a1b2 is enabled/i);
    expect([0, 3]).toContain(exitCode);
  },
);

it.each(ferryCommands.filter((command) => command.includes(' teardown ')))(
  '%s: deletes nothing of what is deployed',
  async (command) => {
    const sqs = new URL(deployed.places[3] ?? '').origin;
    const variables = { AWS_ENDPOINT_URL_SQS: sqs, ...deployed.environment };
    Object.assign(process.env, variables);
    const { exitCode, out, err } = await ferry(words(command), deployed.config);
    for (const name of Object.keys(variables)) delete process.env[name];

    const applies = command.includes('--apply');
    expect(exitCode).toBe(applies ? 1 : 3);
    expect([...out, ...err].join('\n')).toContain(
      applies ? 'is still deployed' : 'dead-letter queue',
    );
    expect(
      await deployed.engine.get('ferry-orders-state', { id: { S: 'orders#control' } }),
    ).toBeDefined();
  },
);

/** With stand-ins for the services that a status asks. */
async function whileMapping<T>(state: string, action: () => Promise<T>): Promise<T> {
  const { replications } = JSON.parse(readFileSync(deployed.config[1] ?? '', 'utf8')) as {
    replications: [{ source: { streamArn: string } }];
  };
  const [{ source }] = replications;
  const cloud = await openMonitoringCloud({
    figures: {},
    mapping: { state, streamArn: source.streamArn },
    deadLetters: 0,
    isDeployed: true,
  });
  try {
    return await action();
  } finally {
    await cloud.close();
  }
}

it('begins with a status, which names an entry', async () => {
  const { replications } = JSON.parse(readFileSync(deployed.config[1] ?? '', 'utf8')) as {
    replications: [{ source: { streamArn: string } }];
  };
  const cloud = await openMonitoringCloud({
    figures: {},
    mapping: { state: 'Disabled', streamArn: replications[0].source.streamArn },
    deadLetters: 0,
    isDeployed: true,
  });
  const command = ferryCommands.find((one) => one.includes(' status ')) ?? '';

  const { exitCode, out } = await ferry(words(command), deployed.config);
  await cloud.close();

  expect(exitCode).toBe(3);
  const [, anchor = ''] = /runbook\.md#([a-z-]+)$/m.exec(out.join('\n')) ?? [];
  expect(anchorsOf(runbook)).toContain(anchor);
});

it('has an entry for everything that a verdict or the dashboard points at', () => {
  const verdicts = textsIn('src/status')
    .filter((path) => /verdict|stuck/.test(path))
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/'([a-z]+(?:-[a-z]+)+)'/g)]);
  const linked = { ...BEATING, alarms: { runbook: 'https://x.test/r' } };
  const dashboard = JSON.stringify(only(templates(linked).source, 'AWS::CloudWatch::Dashboard'));
  const links = [...dashboard.matchAll(/x\.test\/r#([a-z-]+)/g)];
  const anchors = [...verdicts, ...links]
    .map((match) => match[1] ?? '')
    .filter((text) => !NO_ANCHORS.has(text));

  expect(links.length).toBeGreaterThanOrEqual(5);
  expect(anchors.length).toBeGreaterThan(15);
  for (const anchor of anchors) expect(anchorsOf(runbook)).toContain(anchor);
});

it.each(['Records held', 'Look-again age'])(
  'quotes in “%s” what functions and commands say',
  (title) => {
    const entry = new RegExp(`^## ${title}$.*?(?=^## )`, 'ms').exec(runbook)?.[0] ?? '';
    const quotes = [...entry.matchAll(/(?<!\*)\*([^*]+)\*(?!\*)/g)]
      .map((match) => (match[1] ?? '').replaceAll(/\s+/g, ' '))
      .filter((quote) => !runbook.includes(`\n## ${quote}\n`));
    const said = textsIn('src')
      .map((path) => readFileSync(path, 'utf8'))
      .join('')
      .toLowerCase();

    const parts = quotes.flatMap((quote) =>
      quote.toLowerCase().split(/: | …|^the control row is /),
    );
    expect(parts.length).toBeGreaterThan(4);
    expect(parts.filter((part) => !said.includes(part))).toEqual([]);
  },
);

describe('an alarm', () => {
  const { alarms: ofDefault } = described(BEATING);

  it.each(ofDefault)('of the default configuration names its entry and more: %s', (text) => {
    const [, title = ''] = /Runbook: "(.+?)" in docs\/runbook\.md/.exec(text) ?? [];

    expect(runbook).toContain(`\n## ${title}\n`);
    expect(text).toMatch(/ First: \S.+ More: ferry status --replication orders\. /);
    expect(text.length).toBeLessThanOrEqual(ALARM_DESCRIPTION_MAX);
  });

  it('leads to the dashboard of its account, which has the entry', () => {
    const { alarms, entries } = described(BEATING);

    expect(alarms).toHaveLength(21);
    for (const text of alarms.filter((one) => !one.includes('"Degraded"'))) {
      const [, title = ''] = /Runbook: "(.+?)"/.exec(text) ?? [];
      expect(text).toMatch(
        / https:\/\/us-east-1\.console\.aws\.amazon\.com\/cloudwatch\/home\?region=us-east-1#dashboards\/dashboard\/ferry-orders$/,
      );
      expect(entries.filter((entry) => entry.startsWith(`## ${title}\n`))).toHaveLength(1);
    }
  });

  it('leads to the console of its partition', () => {
    const [text = ''] = described(CHINA).alarms;

    expect(text).toMatch(
      / https:\/\/cn-north-1\.console\.amazonaws\.cn\/cloudwatch\/home\?region=cn-north-1#/,
    );
  });

  it('leads to a runbook that has an address, whose entries are nowhere else', () => {
    const address = `https://x.test/${'r'.repeat(480)}`;
    const { alarms, entries } = described({ ...BEATING, alarms: { runbook: address } });

    expect(entries).toEqual([]);
    for (const text of alarms) {
      const [, anchor] = /Runbook: https:\/\/x\.test\/r+#([a-z-]+)$/.exec(text) ?? [];
      expect(anchorsOf(runbook)).toContain(anchor);
      expect(text.length).toBeLessThanOrEqual(ALARM_DESCRIPTION_MAX);
    }
  });
});

it('has the names of the replication where it is on a dashboard', () => {
  const { entries } = described({
    ...BEATING,
    name: 'carts',
    source: { ...BEATING.source, region: 'ap-south-1' },
  });
  const all = entries.join('\n');

  expect(all).toContain('ferry status --replication carts');
  expect(all).toContain('--region ap-south-1 /aws/lambda/ferry-carts-replicate');
  expect(all).toContain('--region eu-west-1 --table-name OrdersTwin');
  expect(all).not.toMatch(/us-east-1|ferry-orders|--replication orders|<!--/);
});

/** Descriptions of the alarms, and the entries on the dashboard. */
function described(replication: { readonly name: string; readonly [setting: string]: unknown }) {
  const app = appOf(replication);
  const stack = stackOf(app, `ferry-${replication.name}-source`);
  const template = Template.fromStack(stack).toJSON() as Parameters<typeof resources>[0];
  const alarms = ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm']
    .flatMap((type) => resources(template, type))
    .map(([, { Properties }]) => String(Properties['AlarmDescription']));
  const { widgets } = parseDashboardBody(
    only(template, 'AWS::CloudWatch::Dashboard').Properties['DashboardBody'],
  );
  const texts = widgets.flatMap((one) => (one.type === 'text' ? one.properties.markdown : []));
  return { alarms, entries: texts.filter((text) => text.includes('**Meaning.**')) };
}

/** The action that a command of AWS's needs, where its name says another. */
const AWS_ACTIONS: Readonly<Record<string, string>> = {
  'aws logs tail': 'logs:FilterLogEvents',
  'aws stepfunctions start-execution': 'states:StartExecution',
  'aws stepfunctions list-executions': 'states:ListExecutions',
};

it.each(Object.keys(AWS_COMMANDS))('has a permission for %s, and uses it', (command) => {
  const [, service = '', verb = ''] = command.split(' ');
  const operation = verb.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const action = AWS_ACTIONS[command] ?? `${service}:${operation}`;

  expect(readFileSync('docs/permissions.md', 'utf8')).toMatch(new RegExp(`["\`]${action}["\`]`));
  expect(commands.some((one) => one.startsWith(`${command} `))).toBe(true);
});

it('names the Region in every command of AWS’s', () => {
  const others = commands.filter((command) => command.startsWith('aws '));

  expect(others.length).toBeGreaterThan(20);
  expect(others.filter((command) => !/ --region (us-east-1|eu-west-1)( |$)/.test(command))).toEqual(
    [],
  );
});

it('never lets npx look for a package called ferry, and nor does anything else that people read', () => {
  const folders = ['docs', 'bench', 'bin', 'lib', 'src'];
  const texts = ['README.md', 'CHANGELOG.md', 'ferry.schema.json', ...folders.flatMap(textsIn)];

  expect(texts.length).toBeGreaterThan(100);
  expect(texts.filter((path) => readFileSync(path, 'utf8').includes('npx ferry'))).toEqual([]);
});

function textsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(md|ts|cjs)$/.test(name))
    .map((name) => join(folder, name));
}

/** Texts that only look like anchors. */
const NO_ANCHORS = new Set(['standing-still', 'catching-up', 'falling-behind']);

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^## (.+)$/gm)].map((match) =>
    (match[1] ?? '').toLowerCase().replaceAll(' ', '-'),
  );
}

async function ferry(args: readonly string[], places: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main([...args, ...places], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: deployed.environment,
    interrupted: new AbortController().signal,
  });
  return { exitCode, out, err };
}

/** The arguments as a shell would split them, without `ferry`. */
function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)]
    .map((match) => match[1] ?? match[2] ?? '')
    .slice(1);
}
