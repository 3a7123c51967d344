// `ferry run`: carries replications in this process, in the place of the deployed functions.

import { METRIC_KINDS, type MetricKind } from '../composition/run-metrics.ts';
import type { ListenAddress } from '../composition/run-endpoint.ts';
import type { LetterOptions } from '../composition/run-places.ts';
import { runProcess, type Trimmed } from '../composition/run-process.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import type { Log } from '../ports.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, printResult } from './call.ts';
import type { Command, ParsedOptions } from './command.ts';
import { counted, type Io } from './output.ts';
import { replicationsOptions, selectedReplications } from './replication.ts';
import { explained } from './service-errors.ts';
import { lettersIn, lettersOptions, queueUrlOf } from './work-options.ts';

const LISTEN = '127.0.0.1:9464';

export const runCommand: Command = {
  name: 'run',
  options: {
    ...replicationsOptions,
    replication: { value: 'NAMES', help: 'NAME or NAME,NAME (default: all of the file)' },
    ...lettersOptions('keep records that cannot be applied as files in this folder'),
    metrics: { value: 'KIND', help: `publish metrics: ${METRIC_KINDS.join(', ')} (default: none)` },
    listen: {
      value: 'HOST:PORT',
      default: LISTEN,
      help: 'where to answer GET /healthz and, for Prometheus, GET /metrics; or none',
    },
    'until-caught-up': { help: 'end once everything that is in the streams now is settled' },
    json: { help: 'print at the end, as one line of JSON, how many positions were trimmed' },
  },
  async run(options, io) {
    const letters: LetterOptions = {
      letters: lettersIn(options),
      queueUrl: queueUrlOf('queue-url', options),
      bucket: options.text('bucket'),
    };
    const [metrics, listen] = [metricsIn(options), listenIn(options)];
    const isEmf = metrics === 'emf';
    if (isEmf && options.has('json'))
      throw wrongOption('--json and --metrics emf both print JSON on stdout.', 'Use one of them.');
    const replications = await selectedReplications(options);
    for (const one of replications) requireFit(one);
    const ended = await explained({ hint: '', replications, apply: true }, () =>
      runProcess({
        replications,
        letters,
        metrics,
        listen,
        environment: io.environment,
        untilCaughtUp: options.has('until-caught-up'),
        stop: io.interrupted,
        log: logTo(io),
        writeLine: io.out,
      }),
    );
    const trimmed = ended.filter(({ trimmedPositions }) => trimmedPositions > 0);
    printResult({ options, io }, { replications: ended }, isEmf ? [] : trimmed.map(lossOf));
    return exitCode(trimmed.length === 0);
  },
};

function lossOf({ replication, trimmedPositions }: Trimmed): string {
  const positions = counted(trimmedPositions, 'position');
  return `${replication}: the stream had deleted records behind ${positions}. Changes may be lost: run \`ferry verify --replication ${replication}\`, and then \`ferry repair\`.`;
}

/** One line of JSON for each event. */
function logTo({ err }: Io): Log {
  return (event) =>
    err(JSON.stringify({ at: new Date(systemClock.now()).toISOString(), ...event }));
}

/** @throws UsageError where only deployed functions can carry it. */
function requireFit({ name, tombstones, switching, twoWay }: ReplicationConfig): void {
  if (twoWay !== undefined)
    throw unfit(
      `${name} goes in both directions. Each one looks at what the other inserts, and a process of \`ferry run\` may carry one of them only. It also has no bucket for writes that have lost.`,
      'Deploy it: both functions are then there, or neither.',
    );
  if (switching !== undefined)
    throw unfit(
      `${name} can be switched, and \`ferry run\` does not take part in switches.`,
      'Deploy it, or remove "switching" from its configuration.',
    );
  if (tombstones !== 'strict')
    throw unfit(
      `${name} has "tombstones": "${tombstones}". \`ferry run\` has no look-again queue, and no timeout that ends a late write, so it cannot keep that promise.`,
      'Set "tombstones" to "strict". If functions have carried it until now, first read "Changes that need care" in docs/runbook.md.',
    );
}

function unfit(message: string, hint: string): UsageError {
  return new UsageError(message, { code: 'run.unfit', hint });
}

function metricsIn(options: ParsedOptions): MetricKind | undefined {
  const wanted = options.text('metrics');
  const found = METRIC_KINDS.find((kind) => kind === wanted);
  if (wanted === undefined || found !== undefined) return found;
  throw wrongOption(
    `--metrics must be one of ${METRIC_KINDS.join(', ')}, got "${wanted}".`,
    'Leave it out for no metrics.',
  );
}

function listenIn(options: ParsedOptions): ListenAddress | undefined {
  const text = options.text('listen') ?? LISTEN;
  if (text === 'none') return undefined;
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(port) <= 65_535)
    return { host: host.replace(/^\[(.+)\]$/, '$1'), port: Number(port) };
  throw wrongOption(
    `--listen must be HOST:PORT or none, got "${text}".`,
    `For example --listen ${LISTEN}, which only this machine can reach.`,
  );
}
