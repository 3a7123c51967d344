// argv -> command -> exit code. Errors are printed with a hint; only a bug prints its stack.

import manifest from '../../package.json' with { type: 'json' };
import { nearestName } from '../text/nearest-name.ts';
import { UsageError } from '../errors.ts';
import { parseOptions } from './arguments.ts';
import { type Command, helpOf, type ParsedOptions } from './command.ts';
import { COMMANDS, type ListedCommand } from './commands.ts';
import { EXIT, type Io } from './output.ts';
import { withCommandsFor } from './replication.ts';
import { listed } from './rows.ts';
import { failureText, isInterruption, withStory } from './service-errors.ts';

const HELP: readonly string[] = ['--help', '-h'];
const VERSION: readonly string[] = ['--version', '-v', '-V'];

export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined) {
    io.out(overview());
    return EXIT.usage;
  }
  try {
    return await run(name, args, io);
  } catch (error) {
    return explain(withStory(error, { hint: '' }), io);
  }
}

async function run(name: string, args: readonly string[], io: Io): Promise<number> {
  if (name === 'help' || HELP.includes(name)) return help(args[0], io);
  if (name === 'version' || VERSION.includes(name)) return version(io);
  const listed = find(name);
  if (args.some((arg) => HELP.includes(arg))) return help(name, io);
  if (args.some((arg) => VERSION.includes(arg))) return version(io);
  const command = await listed.load();
  return runIt(command, parseOptions(command, args), io);
}

/** Commands in its output get the options that name its replication. */
async function runIt(command: Command, options: ParsedOptions, io: Io): Promise<number> {
  const out = (line: string) => io.out(withCommandsFor(options, line));
  const err = (line: string) => io.err(withCommandsFor(options, line));
  try {
    return await command.run(options, { ...io, out, err });
  } catch (error) {
    return explain(withStory(error, { hint: '' }), { ...io, out, err });
  }
}

/** `ferry help`, or `ferry help COMMAND`. */
async function help(name: string | undefined, io: Io): Promise<number> {
  if (name === undefined) io.out(overview());
  else {
    const { load, summary } = find(name);
    io.out(helpOf(await load(), summary));
  }
  return EXIT.done;
}

function version(io: Io): number {
  io.out(`ferry ${manifest.version}`);
  return EXIT.done;
}

function overview(): string {
  return [
    'Usage: ferry COMMAND [options]',
    '',
    ...listed(COMMANDS.map(({ name, summary }) => [name, summary])),
    '',
    '`ferry COMMAND --help` lists the options, `ferry --version` prints the version.',
  ].join('\n');
}

/** @throws UsageError `usage.command` */
function find(name: string): ListedCommand {
  const found = COMMANDS.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const names = COMMANDS.map((command) => command.name);
  const nearest = nearestName(name, names);
  const meant = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
  throw new UsageError(
    name.startsWith('-')
      ? `The command must come before its options, got "${name}".`
      : `There is no command "${name}"${meant}.`,
    { code: 'usage.command', hint: `Commands: ${names.join(', ')}.` },
  );
}

function explain(error: unknown, io: Io): number {
  if (isInterruption(error, io)) {
    io.err('ferry: stopped before any work started.');
    return EXIT.differences;
  }
  const { message, hint } = failureText(error);
  io.err(`ferry: ${message}`);
  if (hint !== undefined) io.err(`Hint: ${hint}`);
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
