// Failures on the way to a service, and what answers there in its place. None of them speaks of credentials.

import type { FailedRequest } from '../errors.ts';
import type { ErrorLink } from './error-chain.ts';
import { requestText } from './failed-request.ts';
import { type FailureRule, placeOf, shortened } from './failure-rule.ts';

const NETWORK = 'Check the network, and any VPN, proxy or firewall on the way';

export const NETWORK_FAILURES: readonly FailureRule[] = [
  {
    kind: 'endpoint-invalid',
    when: ['ERR_INVALID_URL'],
    tell: ({ input = '' }, { request }) => ({
      happened: `"${shortened(input)}" is not the URL of an endpoint, for ${requestText(request)}.`,
      advice:
        'Correct AWS_ENDPOINT_URL, the variable of the service such as AWS_ENDPOINT_URL_SQS, endpoint_url in the profile, or the endpoint in the configuration. It is a URL such as http://127.0.0.1:8000.',
    }),
  },
  {
    kind: 'name-not-found',
    when: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME'],
    tell: (link, { request }) => ({
      happened: `The host name ${hostOf(link, request)} cannot be resolved (${link.code}), for ${requestText(request)}.`,
      advice:
        link.code === 'ENOTFOUND'
          ? 'Check the spelling of the Region or of the endpoint: a Region that does not exist has no host name. Then check the network and its DNS.'
          : 'Check the network and its DNS, and run the command again.',
    }),
  },
  {
    kind: 'connection-refused',
    when: ['ECONNREFUSED'],
    tell: (link, { request }) => ({
      happened: `Nothing listens at ${placeOf(link, request)} (ECONNREFUSED), for ${requestText(request)}.`,
      advice: `Check the endpoint in the configuration or in AWS_ENDPOINT_URL, and start the service that it names. ${NETWORK}.`,
    }),
  },
  {
    kind: 'connection-broken',
    when: ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET', 'UND_ERR_CLOSED'],
    tell: (link, { request }) => ({
      happened: `The connection to ${placeOf(link, request)} was closed (${link.code}) during ${requestText(request)}.`,
      advice: `${NETWORK}. Then run the command again.`,
    }),
  },
  {
    kind: 'unreachable',
    when: ['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
    tell: (link, { request }) => ({
      happened: `There is no route to ${placeOf(link, request)} (${link.code}), for ${requestText(request)}.`,
      advice: `${NETWORK}.`,
    }),
  },
  {
    kind: 'no-answer',
    when: [
      'ETIMEDOUT',
      'ESOCKETTIMEDOUT',
      'TimeoutError',
      'AbortError',
      'RequestTimeout',
      'RequestTimeoutException',
      'UND_ERR_CONNECT_TIMEOUT',
      'UND_ERR_HEADERS_TIMEOUT',
      'UND_ERR_BODY_TIMEOUT',
    ],
    tell: (link, { request }) => ({
      happened: `No response came from ${placeOf(link, request)} in time, to ${requestText(request)}.`,
      advice: `${NETWORK}. Check security groups, and whether the VPC has an endpoint of the service. Then run the command again.`,
    }),
  },
  {
    kind: 'certificate',
    when: /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|INVALID_CA|HOSTNAME_MISMATCH)/,
    tell: (link, { request }) => ({
      happened: `The TLS connection to ${placeOf(link, request)} failed (${link.code}: ${link.message}), for ${requestText(request)}.`,
      advice:
        'If a proxy on the way replaces certificates, name a file with its CA in NODE_EXTRA_CA_CERTS. If the endpoint uses HTTP, its URL must begin with http://.',
    }),
  },
  {
    kind: 'foreign-answer',
    when: ({ name, code, message }) =>
      ['ForeignAnswer', 'UnknownOperationException', 'UnknownOperation'].includes(name) ||
      code.startsWith('HPE_') ||
      message.includes('Deserialization error'),
    tell: (link, { request }) => ({
      happened: `The response of ${placeOf(link, request)} to ${requestText(request)} is not from this AWS service: ${shortened(link.message)}.`,
      advice: 'Check the endpoint, and whether a proxy or a login page responds instead of it.',
    }),
  },
];

function hostOf(link: ErrorLink, request: FailedRequest | undefined): string {
  return link.hostname ?? request?.endpoint ?? 'of the endpoint';
}
