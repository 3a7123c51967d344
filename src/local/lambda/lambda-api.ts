// Lambda's API as far as Ferry's commands use it: the function's configuration, and the event source mapping, which
// they disable and enable. A pure answer to a request; the server around it is in region-apis.ts.

import type { StreamConsumer } from '../../stream/consumer.ts';
import type { ServiceRequest } from '../loopback/service.ts';

/** The replicate function. */
interface LocalFunction {
  readonly name: string;
  readonly region: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** Of its latest deployment. */
  readonly deployedAtMs: number;
}

export interface LambdaApiState {
  readonly function: LocalFunction;
  readonly mapping: Pick<StreamConsumer, 'state' | 'setEnabled'>;
  readonly mappingId: string;
  readonly streamArn: string;
  /** When the mapping was created, or enabled or disabled last. */
  mappingChangedAtMs: number;
  /** As Lambda has it. */
  lastResult: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: object;
  /** Of a refusal. */
  readonly errorType?: string;
}

/** @returns undefined for what is no request to Lambda. */
export function answerLambda(
  { method, target, body }: ServiceRequest,
  state: LambdaApiState,
  nowMs: number,
): ApiAnswer | undefined {
  const { pathname, searchParams } = new URL(target, 'http://localhost');
  const [, name] = /^\/[\d-]+\/functions\/([^/]+)\/configuration$/.exec(pathname) ?? [];
  if (name !== undefined) return configurationOf(decodeURIComponent(name), state);
  if (/^\/[\d-]+\/event-source-mappings\/?$/.test(pathname)) {
    return mappings(searchParams.get('FunctionName'), state);
  }
  const [, id] = /^\/[\d-]+\/event-source-mappings\/([^/]+)$/.exec(pathname) ?? [];
  if (id === undefined || method !== 'PUT') return undefined;
  if (id !== state.mappingId) return missing(`There is no event source mapping ${id}.`);
  const { Enabled } = JSON.parse(body.toString()) as { readonly Enabled?: boolean };
  state.mapping.setEnabled(Enabled === true);
  state.mappingChangedAtMs = nowMs;
  return { status: 202, body: mappingOf(state) };
}

function configurationOf(name: string, { function: replicate }: LambdaApiState): ApiAnswer {
  if (name !== replicate.name) return missing(`Function not found: ${name}`);
  const { variables, timeoutSeconds, deployedAtMs } = replicate;
  return {
    status: 200,
    body: {
      FunctionName: name,
      FunctionArn: localFunctionArn(replicate),
      Timeout: timeoutSeconds,
      Environment: { Variables: variables },
      LastModified: new Date(deployedAtMs).toISOString().replace('Z', '+0000'),
    },
  };
}

/** There is one mapping. */
function mappings(name: string | null, state: LambdaApiState): ApiAnswer {
  const isIts = name === state.function.name;
  return { status: 200, body: { EventSourceMappings: isIts ? [mappingOf(state)] : [] } };
}

function mappingOf(state: LambdaApiState): object {
  return {
    UUID: state.mappingId,
    State: state.mapping.state,
    EventSourceArn: state.streamArn,
    FunctionArn: localFunctionArn(state.function),
    LastProcessingResult: state.lastResult,
    LastModified: state.mappingChangedAtMs / 1000,
  };
}

export function localFunctionArn({ name, region }: Pick<LocalFunction, 'name' | 'region'>): string {
  return `arn:aws:lambda:${region}:000000000000:function:${name}`;
}

function missing(Message: string): ApiAnswer {
  return { status: 404, body: { Message }, errorType: 'ResourceNotFoundException' };
}
