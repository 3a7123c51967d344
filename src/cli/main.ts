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
import { exitCodeOf, failureText, isInterruption, withStory } from './service-errors.ts';

const HELP: readonly string[] = ['--help', '-h'];
const VERSION: readonly string[] = ['--version', '-v', '-V'];

export async function main(argv: readonly string[], io: Io): Promise<number> {
  if (argv.length === 0) {
    io.out(overview(COMMANDS));
    return EXIT.usage;
  }
  try {
    return await run(argv, io);
  } catch (error) {
    return explain(withStory(error, { hint: '' }), io);
  }
}

async function run(words: readonly string[], io: Io): Promise<number> {
  const [name = '', ...rest] = words;
  if (name === 'help' || HELP.includes(name)) return help(rest, io);
  if (name === 'version' || VERSION.includes(name)) return version(io);
  if (words.some((word) => HELP.includes(word)))
    return help(
      words.filter((word) => !HELP.includes(word)),
      io,
    );
  const { listed, args } = find(words);
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
async function help(words: readonly string[], io: Io): Promise<number> {
  const [name] = words;
  const ofFirstWord = COMMANDS.filter((command) => command.name.startsWith(`${name} `));
  if (name === undefined) io.out(overview(COMMANDS));
  else if (words.length === 1 && ofFirstWord.length > 0 && !isCommand(name))
    io.out(overview(ofFirstWord));
  else {
    const { load, summary } = find(words).listed;
    io.out(helpOf(await load(), summary));
  }
  return EXIT.done;
}

function isCommand(word: string): boolean {
  return COMMANDS.some(({ name }) => name === word);
}

function version(io: Io): number {
  io.out(`ferry ${manifest.version}`);
  return EXIT.done;
}

function overview(commands: readonly ListedCommand[]): string {
  return [
    'Usage: ferry COMMAND [options]',
    '',
    ...listed(commands.map(({ name, summary }) => [name, summary])),
    '',
    '`ferry COMMAND --help` lists the options, `ferry --version` prints the version.',
  ].join('\n');
}

/**
 * The command that the arguments begin with, which has one word or two, and what stands behind it.
 * @throws UsageError `usage.command`
 */
function find(words: readonly string[]): { listed: ListedCommand; args: readonly string[] } {
  const isBegun = ({ name }: ListedCommand) => `${words.join(' ')} `.startsWith(`${name} `);
  // Of "conflicts" and "conflicts show", the longer one.
  const found = COMMANDS.findLast(isBegun);
  if (found !== undefined)
    return { listed: found, args: words.slice(found.name.split(' ').length) };
  throw unknownCommand(words);
}

function unknownCommand([first = '', second]: readonly string[]): UsageError {
  const ofFirstWord = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  const names = (ofFirstWord.length > 0 ? ofFirstWord : COMMANDS).map(({ name }) => name);
  const isSecond = ofFirstWord.length > 0 && second?.startsWith('-') === false;
  const given = isSecond ? `${first} ${second}` : first;
  const nearest = nearestName(given, names);
  const meant = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
  return new UsageError(
    first.startsWith('-')
      ? `The command must come before its options, got "${first}".`
      : `There is no command "${given}"${meant}.`,
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
  return exitCodeOf(error);
}
