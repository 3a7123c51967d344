// `ferry rehearse`: a scratch replication under load, one failure after the other, and a report of what fired, what
// showed, and how long it took until the replication was healthy again.

import { rehearsalSvg } from '../rehearsal/picture.ts';
import { problemsOf, type RehearsalReport, reportFacts } from '../rehearsal/report.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, type GivenCall, printResult } from './call.ts';
import type { Command } from './command.ts';
import { checkPicture, writePicture } from './picture.ts';
import { rehearseHere } from './rehearse-local.ts';
import { rehearseOnAws } from './rehearse-on-aws.ts';
import { rehearsalText } from './rehearse-result.ts';
import { replicationOptions } from './replication.ts';

export const rehearseCommand: Command = {
  name: 'rehearse',
  options: {
    local: {
      help: 'on this machine, with embedded engines and alarms whose minutes are a second; without a replication, with all defaults',
    },
    ...replicationOptions,
    apply: {
      help: 'create the tables and functions of a rehearsal on AWS, and remove them at the end',
    },
    clean: { help: 'list what earlier rehearsals on AWS have left; with --apply, remove it' },
    svg: { value: 'FILE', help: 'also write a picture of the latency over time to this file' },
    json: { help: 'print the report as one line of JSON' },
  },
  async run(options, io) {
    const svg = options.text('svg');
    const contrary = ['apply', 'clean'].find((name) => options.has(name));
    if (options.has('local') && contrary !== undefined)
      throw wrongOption(`--local and --${contrary} cannot be combined.`, 'Leave one of them out.');
    if (svg !== undefined) checkPicture(svg);
    const show = (report: RehearsalReport) => showRehearsal(report, { options, io });
    if (options.has('local')) return show(await rehearseHere(options, io));
    return rehearseOnAws({ options, io }, show);
  },
};

/** @returns 3 where an alarm did not fire, the status did not show a failure, or the replication did not heal. */
export function showRehearsal(report: RehearsalReport, call: GivenCall): number {
  const svg = call.options.text('svg');
  if (svg !== undefined) writePicture(svg, rehearsalSvg(report));
  printResult(call, reportFacts(report), rehearsalText(report, svg));
  return exitCode(problemsOf(report).length === 0 && !call.io.interrupted.aborted);
}
