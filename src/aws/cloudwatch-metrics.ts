// Figures of the recent past, read from CloudWatch, a value for each period; and figures of now, sent to it.

import {
  CloudWatchClient,
  type Metric,
  paginateGetMetricData,
  PutMetricDataCommand,
  type PutMetricDataInput,
} from '@aws-sdk/client-cloudwatch';
import { MINUTE_MS, type Series } from '../model/vitals.ts';
import { FerryError } from '../errors.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

export interface MetricQuery {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** As CloudWatch has it: Sum, Maximum, p99, … */
  readonly statistic: string;
}

export function cloudWatchClient(settings: ClientSettings): CloudWatchClient {
  return sdkClient(new CloudWatchClient({ ...clientSettings(settings), maxAttempts: 3 }), settings);
}

const TIMEOUT_MS = 20_000;

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /** @default a minute */
  readonly periodMs?: number;
}

/**
 * @returns a series for each query, in their order; an empty one where CloudWatch has no value.
 * @throws what the service or the network throws.
 */
export async function readSeries(
  client: CloudWatchClient,
  queries: readonly MetricQuery[],
  { fromMs, toMs, periodMs = MINUTE_MS }: Span,
): Promise<Series[]> {
  const found = queries.map((): Array<readonly [number, number]> => []);
  const pages = paginateGetMetricData(
    { client },
    {
      StartTime: new Date(fromMs),
      EndTime: new Date(toMs),
      ScanBy: 'TimestampAscending',
      MetricDataQueries: queries.map((query, index) => toQuery(query, index, periodMs)),
    },
    { abortSignal: AbortSignal.timeout(TIMEOUT_MS) },
  );
  for await (const { MetricDataResults = [] } of pages) {
    for (const { Id = '', Timestamps = [], Values = [], StatusCode } of MetricDataResults) {
      // An empty series would look like a quiet one.
      if (StatusCode === 'InternalError' || StatusCode === 'Forbidden') throw unread(StatusCode);
      const series = found[Number(Id.slice(1))];
      for (const [index, value] of Values.entries()) {
        const at = Timestamps[index];
        if (at !== undefined) series?.push([at.getTime(), value]);
      }
    }
  }
  return found.map((series) => series.toSorted(([a], [b]) => a - b));
}

/** Sent twice, where an answer is lost, it counts twice. */
export async function putMetrics(client: CloudWatchClient, input: PutMetricDataInput) {
  await client.send(new PutMetricDataCommand(input), {
    abortSignal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

function unread(statusCode: string): FerryError {
  return new FerryError(`CloudWatch could not read a figure: ${statusCode}.`, {
    code: 'status.figures-missing',
    hint: 'Run it again. If it stays, check that the credentials may call cloudwatch:GetMetricData.',
  });
}

function toQuery(
  { namespace, name, dimensions, statistic }: MetricQuery,
  index: number,
  periodMs: number,
) {
  const metric: Metric = {
    Namespace: namespace,
    MetricName: name,
    Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
  };
  return {
    // A letter has to come first.
    Id: `m${index}`,
    MetricStat: { Metric: metric, Period: periodMs / 1000, Stat: statistic },
  };
}
