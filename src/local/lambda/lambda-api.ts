// Lambda's API as far as Ferry's commands use it: the function's configuration, and the event source mapping, which
// they disable and enable. A pure answer to a request; the server around it is in region-apis.ts.

import type { StreamConsumer } from '../../stream/consumer.ts';

interface LocalFunction {
  readonly name: string;
  readonly region: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly createdAtMs: number;
}

export interface LambdaApiState {
  readonly functions: readonly LocalFunction[];
  readonly mapping: Pick<StreamConsumer, 'state' | 'setEnabled'>;
  readonly mappingId: string;
  readonly streamArn: string;
  /** When the mapping was created, or enabled or disabled last. */
  mappingChangedAtMs: number;
  /** As Lambda has it. */
  lastResult: string;
}

export interface ApiRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly text: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: object;
  /** Of a refusal. */
  readonly errorType?: string;
}

/** @returns undefined for what is no request to Lambda. */
export function answerLambda(
  request: ApiRequest,
  state: LambdaApiState,
  nowMs: number,
): ApiAnswer | undefined {
  const { method, path, text } = request;
  const { pathname } = new URL(path, 'http://localhost');
  const [, name] = /^\/[\d-]+\/functions\/([^/]+)\/configuration$/.exec(pathname) ?? [];
  if (name !== undefined) return configurationOf(decodeURIComponent(name), state);
  if (/^\/[\d-]+\/event-source-mappings\/?$/.test(pathname)) return mappings(path, state);
  const [, id] = /^\/[\d-]+\/event-source-mappings\/([^/]+)$/.exec(pathname) ?? [];
  if (id === undefined || method !== 'PUT') return undefined;
  if (id !== state.mappingId) return missing(`There is no event source mapping ${id}.`);
  const { Enabled } = JSON.parse(text) as { readonly Enabled?: boolean };
  state.mapping.setEnabled(Enabled === true);
  state.mappingChangedAtMs = nowMs;
  return { status: 202, body: mappingOf(state) };
}

function configurationOf(name: string, { functions }: LambdaApiState): ApiAnswer {
  const found = functions.find((one) => one.name === name);
  if (found === undefined) return missing(`Function not found: ${name}`);
  const { region, variables, timeoutSeconds, createdAtMs } = found;
  return {
    status: 200,
    body: {
      FunctionName: name,
      FunctionArn: localFunctionArn({ name, region }),
      Timeout: timeoutSeconds,
      Environment: { Variables: variables },
      LastModified: new Date(createdAtMs).toISOString().replace('Z', '+0000'),
    },
  };
}

/** There is one mapping, of the first function. */
function mappings(path: string, state: LambdaApiState): ApiAnswer {
  const name = new URL(path, 'http://localhost').searchParams.get('FunctionName');
  const isIts = name === state.functions[0]?.name;
  return { status: 200, body: { EventSourceMappings: isIts ? [mappingOf(state)] : [] } };
}

function mappingOf(state: LambdaApiState): object {
  const [{ name, region } = { name: '', region: '' }] = state.functions;
  return {
    UUID: state.mappingId,
    State: state.mapping.state,
    EventSourceArn: state.streamArn,
    FunctionArn: localFunctionArn({ name, region }),
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
