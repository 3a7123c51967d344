// A process of `ferry run`: its replications side by side, its port, and its metrics, until it is to end.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { backgroundClock, systemMonotonicMs } from '../aws/system-clock.ts';
import { HEARTBEAT_PERIOD_MS } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import type { Log } from '../ports.ts';
import { carry, type CarryOptions } from '../run/carry.ts';
import { type HealthView, ReplicationHealth } from '../run/health.ts';
import { type PrometheusFigures, prometheusText } from '../run/prometheus.ts';
import type { Environment } from './keyring.ts';
import { type ListenAddress, openRunEndpoint } from './run-endpoint.ts';
import { figuresOf, type MetricKind, openRunMetrics, type RunMetrics } from './run-metrics.ts';
import { type LetterOptions, openRunPlaces } from './run-places.ts';
import { openRunReplicator } from './run-replicator.ts';

export interface RunProcessOptions {
  readonly replications: readonly ReplicationConfig[];
  readonly environment: Environment;
  readonly letters: LetterOptions;
  readonly metrics: MetricKind | undefined;
  readonly listen: ListenAddress | undefined;
  /** Whether it ends once everything that is in the streams is settled. */
  readonly untilCaughtUp: boolean;
  readonly stop: AbortSignal;
  readonly log: Log;
  /** For metrics. */
  readonly writeLine: (line: string) => void;
}

export interface Trimmed {
  readonly replication: string;
  readonly trimmedPositions: number;
}

/** Also keeps the process alive, whose sleeps do not. */
const FLUSH_MS = 30_000;

interface Carried {
  readonly health: ReplicationHealth;
  readonly figures: PrometheusFigures;
  /** Opened with the replication, and once. */
  metrics: RunMetrics | undefined;
}

/**
 * Resolves once `stop` is aborted and everything has ended.
 * @returns how many positions of each replication were trimmed.
 * @throws UsageError, or where none of the replications could be opened, what prevented the first.
 */
export async function runProcess(options: RunProcessOptions): Promise<readonly Trimmed[]> {
  const { replications, log, metrics: kind, listen } = options;
  const holder = `${hostname()} ${process.pid} ${randomUUID().slice(0, 8)}`;
  const failed = new AbortController();
  const stop = AbortSignal.any([options.stop, failed.signal]);
  const carried = new Map(replications.map((one) => [one, newCarried(one)]));
  const all = [...carried.values()];
  const flush = async () => {
    await Promise.all(all.flatMap(({ metrics }) => (metrics ? [metrics.flush()] : [])));
  };
  const endpoint = listen && (await openRunEndpoint({ ...listen, ...pages(all, kind) }));
  const timer = setInterval(() => void flush(), FLUSH_MS);
  if (endpoint) log({ event: 'run.listening', host: endpoint.host, port: endpoint.port });
  try {
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const runs = [...carried].map(([replication, one]) =>
      carryOne(replication, one, { ...options, stop, holder, begun }),
    );
    const firsts = await Promise.all(runs.map(({ first }) => first));
    const refusal = refusalIn(firsts);
    if (refusal !== undefined) failed.abort();
    begin();
    await Promise.all(runs.map(({ over }) => over));
    if (refusal !== undefined) throw refusal;
    return [...carried].map(([{ name: replication }, { health }]) => {
      return { replication, trimmedPositions: health.trimmedPositions };
    });
  } finally {
    await flush();
    for (const { metrics } of all) metrics?.close();
    clearInterval(timer);
    await endpoint?.close();
  }
}

function newCarried(replication: ReplicationConfig): Carried {
  const { name, alarms } = replication;
  const limits = { behindMs: alarms.latencySeconds * 1000, monotonicMs: systemMonotonicMs() };
  const health = new ReplicationHealth(name, limits);
  return { health, figures: figuresOf(replication), metrics: undefined };
}

/** One that cannot be opened is tried again, unless none can, or it never could. */
function refusalIn(firsts: readonly unknown[]): unknown {
  const wrong = firsts.find((error) => error instanceof UsageError);
  return wrong ?? (firsts.every((error) => error !== undefined) ? firsts[0] : undefined);
}

function carryOne(
  replication: ReplicationConfig,
  carried: Carried,
  options: RunProcessOptions & Pick<CarryOptions, 'holder' | 'begun'>,
) {
  const { health, figures } = carried;
  const { environment, letters, metrics: kind, stop, writeLine } = options;
  const clock = backgroundClock;
  const log: Log = ({ event, ...more }) =>
    options.log({ event, replication: replication.name, ...more });
  let onFirst: (error: unknown) => void = () => undefined;
  const first = new Promise((resolve) => (onFirst = resolve));
  const open = () =>
    openRunReplicator({
      replication,
      environment,
      health,
      log,
      stop,
      openPlaces: ({ source }) => openRunPlaces(replication, source, { ...letters, clock }),
      openMetrics: ({ source }) =>
        (carried.metrics ??= openRunMetrics(kind, {
          replication,
          source,
          log,
          writeLine,
          figures,
        })),
    });
  const over = carry({
    ...options,
    open,
    health,
    clock,
    monotonicMs: systemMonotonicMs,
    log,
    heartbeatPeriodMs: HEARTBEAT_PERIOD_MS,
    onFirst,
  });
  return { first, over };
}

function pages(all: readonly Carried[], kind: MetricKind | undefined) {
  const now = () => ({ nowMs: backgroundClock.now(), monotonicMs: systemMonotonicMs() });
  const metrics = () => {
    const shown = all.map(({ health, figures }) => ({
      figures,
      own: ownGauges(health.view(now())),
    }));
    return prometheusText(shown, now().nowMs);
  };
  return {
    health: () => all.map(({ health }) => health.view(now())),
    metrics: kind === 'prometheus' ? metrics : undefined,
  };
}

function ownGauges({ ok, state, iteratorAgeMs }: HealthView) {
  return {
    ferry_lease_held: Number(state === 'holder'),
    ferry_keeping_up: Number(ok),
    ferry_iterator_age_seconds: (iteratorAgeMs ?? 0) / 1000,
  };
}
