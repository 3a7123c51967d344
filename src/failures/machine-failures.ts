// Failures of this machine: its ports and its files.

import type { FailureRule } from './failure-rule.ts';

const FULL: readonly string[] = ['ENOSPC', 'EDQUOT'];

export const MACHINE_FAILURES: readonly FailureRule[] = [
  {
    kind: 'port-in-use',
    when: ['EADDRINUSE'],
    tell: (link) => ({
      happened: `Port ${link.port ?? '?'} of ${link.address ?? 'this machine'} is in use.`,
      advice: 'Stop the process that uses the port, or choose another one.',
    }),
  },
  {
    kind: 'file',
    when: ({ code, path }) => FULL.includes(code) || (path !== undefined && /^E[A-Z]+$/.test(code)),
    tell: (link) => ({
      happened: `The file ${link.path ?? ''} cannot be used: ${link.message}.`.replace(
        'file  ',
        'file ',
      ),
      advice: FULL.includes(link.code)
        ? 'Free space on the disk, and run the command again.'
        : 'Check the path and its permissions, or name another file.',
    }),
  },
];
