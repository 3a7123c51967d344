// A local S3 on loopback that the SDK's client works against unchanged, path-style. Its buckets live in memory
// and end with it.

import { describeError } from '../../errors.ts';
import {
  type Answer,
  serve,
  type Service,
  type ServiceOptions,
  type ServiceRequest,
  type ServiceServer,
} from '../loopback/service.ts';
import { S3Buckets } from './buckets.ts';
import { S3Error } from './error.ts';
import { OBJECT_BYTES_MAX, tooLarge } from './object-body.ts';
import { perform } from './operations.ts';
import { leaf, parent, xmlDocument } from './xml.ts';

/**
 * Starts it without any bucket.
 * @throws FerryError `local.port.in-use`.
 */
export function startS3Server({
  port,
  now = Date.now,
}: ServiceOptions = {}): Promise<ServiceServer> {
  const buckets = new S3Buckets();
  const service: Service = {
    name: 'the local S3',
    bodyBytesMax: OBJECT_BYTES_MAX,
    perform(request) {
      const addressed = { ...request, ...addressOf(request), nowMs: now() };
      return named(request, perform(addressed, buckets));
    },
    refuse: (error, request) => named(request, refusal(error, request)),
    tooLong: tooLarge,
  };
  return serve(service, port);
}

function named({ id }: ServiceRequest, { headers, ...answer }: Answer): Answer {
  return { ...answer, headers: { ...headers, 'x-amz-request-id': id } };
}

/** The parts of a path-style target. A URL parser would resolve the dots that a key may hold. */
function addressOf({ target }: ServiceRequest) {
  const [path = '', ...query] = target.split('?');
  const [, bucket = '', ...key] = path.split('/');
  try {
    return {
      bucket: decodeURIComponent(bucket),
      key: decodeURIComponent(key.join('/')),
      query: new URLSearchParams(query.join('?')),
    };
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.", { URI: target });
  }
}

function refusal(thrown: unknown, { id, target }: ServiceRequest): Answer {
  const error =
    thrown instanceof S3Error ? thrown : new S3Error('InternalError', describeError(thrown));
  const { code, message, status, details } = error;
  const body = parent('Error', [
    leaf('Code', code),
    leaf('Message', message),
    ...Object.entries(details).map(([name, value]) => leaf(name, value)),
    leaf('Resource', target.split('?')[0] ?? ''),
    leaf('RequestId', id),
  ]);
  return { status, headers: { 'content-type': 'application/xml' }, body: xmlDocument(body) };
}
