// Lambda and CloudWatch of the source's Region on loopback, so that Ferry's commands work on a local replication as
// they do on a deployed one. What they do not use is refused by name.

import { describeError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { answerMetricData, type MetricSource } from '../cloudwatch/cloudwatch-api.ts';
import { answerLambda, type ApiAnswer, type LambdaApiState } from '../lambda/lambda-api.ts';
import {
  type Answer,
  serve,
  type ServiceRequest,
  type ServiceServer,
} from '../loopback/service.ts';

export interface RegionApisOptions {
  readonly lambda: LambdaApiState;
  readonly metrics: MetricSource;
  readonly clock: Pick<Clock, 'now'>;
}

/** A request of either service is far smaller. */
const REQUEST_BYTES_MAX = 1024 * 1024;

export function startRegionApis(options: RegionApisOptions): Promise<ServiceServer> {
  return serve({
    name: 'Lambda and CloudWatch of this run',
    bodyBytesMax: REQUEST_BYTES_MAX,
    perform: (request) => toAnswer(answerOf(request, options)),
    refuse: (error) => toAnswer(refusal('ValidationException', describeError(error))),
    tooLong: () => new Error(`a request must not exceed ${REQUEST_BYTES_MAX} B`),
  });
}

function answerOf(
  request: ServiceRequest,
  { lambda, metrics, clock }: RegionApisOptions,
): ApiAnswer {
  const { method, target, headers, body } = request;
  const operation = String(headers['x-amz-target'] ?? '');
  if (operation.endsWith('.GetMetricData')) {
    return { status: 200, body: answerMetricData(body.toString(), metrics) };
  }
  const answer = operation === '' ? answerLambda(request, lambda, clock.now()) : undefined;
  const what = operation === '' ? `${method} ${target}` : operation;
  return answer ?? refusal('UnknownOperationException', `ferry local does not have ${what}`);
}

export function refusal(errorType: string, message: string): ApiAnswer {
  return { status: 400, body: { __type: errorType, message, Message: message }, errorType };
}

export function toAnswer({ status, body, errorType }: ApiAnswer): Answer {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    ...(errorType !== undefined && { 'x-amzn-errortype': errorType }),
  };
  return { status, headers, body: JSON.stringify(body) };
}
