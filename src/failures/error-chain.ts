// Anything thrown -> a flat list of the errors it is made of: itself, what it gathers, and what caused it.
// Node gathers the tries of one connection in an AggregateError, and clients wrap the network's errors.

export interface ErrorLink {
  readonly name: string;
  /** Of Node and of TLS, such as `ECONNREFUSED`; empty where there is none. */
  readonly code: string;
  readonly message: string;
  /** Of a name that was looked up. */
  readonly hostname: string | undefined;
  /** Of a connection. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** Of a file. */
  readonly path: string | undefined;
  /** Of what was not a URL. */
  readonly input: string | undefined;
  /** Of a service's answer: its HTTP status, or 0 where no answer came. Undefined for all other errors. */
  readonly status: number | undefined;
}

/** Deeper than any real error; a chain may be circular. */
const LINKS_MAX = 20;

/** The outermost first. */
export function errorChain(error: unknown): readonly ErrorLink[] {
  const found: unknown[] = [error];
  for (let index = 0; index < found.length && found.length < LINKS_MAX; index += 1) {
    const { cause, errors } = fieldsOf(found[index]);
    const inner = [...(Array.isArray(errors) ? (errors as unknown[]) : []), cause];
    found.push(...inner.filter((one) => one !== undefined && !found.includes(one)));
  }
  return found.map(linkOf);
}

function linkOf(error: unknown): ErrorLink {
  const { name, code, message, hostname, address, port, path, input, $metadata } = fieldsOf(error);
  return {
    name: textOf(name) ?? 'Error',
    code: textOf(code) ?? '',
    message: textOf(message) ?? (typeof error === 'string' ? error : ''),
    hostname: textOf(hostname),
    address: textOf(address),
    port: typeof port === 'number' ? port : undefined,
    path: textOf(path),
    input: textOf(input),
    status: $metadata === undefined ? undefined : statusOf($metadata),
  };
}

function statusOf(metadata: unknown): number {
  const { httpStatusCode } = fieldsOf(metadata);
  return typeof httpStatusCode === 'number' ? httpStatusCode : 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
