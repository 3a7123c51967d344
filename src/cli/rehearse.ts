// `ferry rehearse`: a scratch replication under load, one failure after the other, and a report of what fired, what
// showed, and how long it took until the replication was healthy again.

import { rehearsalSvg } from '../rehearsal/picture.ts';
import { problemsOf, type RehearsalReport, reportFacts } from '../rehearsal/report.ts';
import { exitCode, type GivenCall, printResult } from './call.ts';
import type { Command } from './command.ts';
import { localWorldOptions } from './local-setup.ts';
import { wrongOption } from './arguments.ts';
import { checkPicture, writePicture } from './picture.ts';
import { rehearseHere } from './rehearse-local.ts';
import { rehearsalText } from './rehearse-result.ts';

const { config, replication } = localWorldOptions;

export const rehearseCommand: Command = {
  name: 'rehearse',
  options: {
    local: { help: 'on this machine, with embedded engines and alarms whose minutes are a second' },
    config,
    replication,
    svg: { value: 'FILE', help: 'also write a picture of the latency over time to this file' },
    json: { help: 'print the report as one line of JSON' },
  },
  async run(options, io) {
    const svg = options.text('svg');
    if (svg !== undefined) checkPicture(svg);
    if (!options.has('local')) throw wrongOption('--local is needed.', 'Add it.');
    return showRehearsal(await rehearseHere(options, io), { options, io });
  },
};

/** @returns 3 where an alarm did not fire, the status did not show a failure, or the replication did not heal. */
export function showRehearsal(report: RehearsalReport, call: GivenCall): number {
  const svg = call.options.text('svg');
  if (svg !== undefined) writePicture(svg, rehearsalSvg(report));
  printResult(call, reportFacts(report), rehearsalText(report, svg));
  return exitCode(problemsOf(report).length === 0 && !call.io.interrupted.aborted);
}
