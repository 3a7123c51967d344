// `ferry init --all`: checks each table of a Region with the table of the same name in another Region, and writes one
// file for those that fit.

import type { Sides } from '../aws/access.ts';
import { listTables } from '../aws/table-list.ts';
import { systemClock } from '../aws/system-clock.ts';
import { lookAtPair, type PairLook } from '../composition/pair-look.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { REPLICATIONS_MAX } from '../config/schema-check.ts';
import { FerryError, UsageError } from '../errors.ts';
import { defaultsFor, type EntryOptions, entryOf } from '../init/entry.ts';
import { namesFrom } from '../init/replication-names.ts';
import { selectTables } from '../init/select-tables.ts';
import { mapInParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import { error } from '../status/finding.ts';
import { type GivenCall, printResult } from './call.ts';
import {
  type ConfigFile,
  entryOptionsOf,
  openFile,
  problemWith,
  writeEntries,
} from './init-file.ts';
import { placesOf, type Places, regionAt, requireSecret, sidesAt } from './init-place.ts';
import {
  type CheckedPair,
  type Choice,
  fleetFacts,
  fleetLines,
  type FleetOutcome,
  isFit,
  someOf,
} from './init-result.ts';
import { EXIT } from './output.ts';
import { progressReporter } from './progress.ts';

/** Each describes two tables and reads a page of one. */
const PAIRS_AT_ONCE = 8;

interface FleetCall extends GivenCall {
  readonly file: ConfigFile;
  readonly places: Places;
  readonly sides: Sides;
  readonly entryOptions: EntryOptions;
}

/** @returns the exit code: 3 if some of the tables that were asked for are not in the file. */
export async function initAll(given: GivenCall): Promise<number> {
  const { options } = given;
  const [source, destination] = [regionAt('source', options), regionAt('destination', options)];
  const file = openFile(options);
  const { defaults = {} } = file.value;
  const places = placesOf({ source, destination }, defaults, given);
  requireSecret(places, defaults);
  const entryOptions = entryOptionsOf(file, places);
  const call = { ...given, file, places, sides: sidesAt(places), entryOptions };
  const choice = await choose(call);
  const checked = await checkAll(choice.pairs, call);
  const fit = checked.filter(isFit);
  const entries = fit.map(({ entry }) => entry);
  if (fit[0] !== undefined) writeEntries(entries, frameOf(fit[0].look, call), options);
  const { path, text } = file;
  const outcome = {
    ...choice,
    checked,
    path,
    isNew: text === undefined,
    region: destination.region,
  };
  const shown = { isVerbose: options.has('verbose'), width: given.io.resultColumns?.() };
  printResult(given, fleetFacts(outcome), fleetLines(outcome, shown));
  return exitCodeOf(outcome);
}

function exitCodeOf({ checked, withoutTwin, present }: FleetOutcome): number {
  if (checked.every(isFit) && withoutTwin.length === 0) return EXIT.done;
  return checked.some(isFit) || present.length > 0 ? EXIT.differences : EXIT.failed;
}

/** @throws FerryError or UsageError if there is nothing to do, or too much. */
async function choose({ options, io, file, places, sides }: FleetCall): Promise<Choice> {
  io.status(`Listing the tables of ${places.source.region} and ${places.destination.region}`);
  const source = await listTables(sides.source);
  const destination = await listTables(sides.destination);
  const patterns = { match: options.texts('match'), exclude: options.texts('exclude') };
  const found = selectTables({ source, destination }, patterns);
  const replicated = replicatedBy(file, places);
  const present = found.pairs.filter((table) => replicated.has(table));
  const pairs = found.pairs.filter((table) => !replicated.has(table));
  if (found.pairs.length + found.withoutTwin.length === 0)
    throw nothingToReplicate(source, places.source.region);
  const count = file.replications.length + pairs.length;
  if (count > REPLICATIONS_MAX) throw tooMany(file.path, count);
  return { ...found, pairs, present };
}

function replicatedBy({ replications }: ConfigFile, places: Places): ReadonlySet<string> {
  const present = replications.filter(
    ({ source, destination }) =>
      source.region === places.source.region &&
      destination.region === places.destination.region &&
      source.table === destination.table,
  );
  return new Set(present.map(({ source }) => source.table));
}

function nothingToReplicate(tables: readonly string[], region: string): FerryError {
  if (tables.length === 0)
    return new FerryError(`There is no table in ${region}.`, {
      code: 'init.no-table',
      hint: 'Check the Region, and that the credentials belong to the account that has the tables.',
    });
  return new UsageError(`No table of ${region} is left by --match, --exclude and Ferry's own.`, {
    code: 'init.no-match',
    hint: `Its tables are ${someOf(tables)}. In patterns, * stands for any characters; put them in quotes.`,
  });
}

function tooMany(path: string, count: number): UsageError {
  const message = `${path} can have at most ${REPLICATIONS_MAX} replications, and would have ${count}.`;
  return new UsageError(message, {
    code: 'init.too-many',
    hint: 'Choose some with --match and --exclude, and write the others to another file with --config.',
  });
}

async function checkAll(tables: readonly string[], call: FleetCall): Promise<CheckedPair[]> {
  const { io, file, sides } = call;
  const clock = io.clock ?? systemClock;
  const retries = retriesUntil(io.interrupted, clock);
  const names = namesFrom(
    tables,
    file.replications.map(({ name }) => name),
  );
  const report = progressReporter(io, clock, 'tables');
  const { reservedAttribute = '_ferry', projection } = file.value.defaults ?? {};
  let done = 0;
  return mapInParallel(tables, PAIRS_AT_ONCE, async (table) => {
    const pair = { sides, source: table, destination: table, reservedAttribute, projection };
    const look = await retry(() => lookAtPair(pair), retries);
    done += 1;
    report({ done, expected: tables.length, facts: [] });
    return checkedPair(names.get(table) ?? table, look, call);
  });
}

/** Also whether the file can have the pair beside its others. */
function checkedPair(name: string, look: PairLook, call: FleetCall): CheckedPair {
  const { file, entryOptions } = call;
  const entry = entryOf(name, look, entryOptions);
  const problem = isFit(look) ? problemWith(entry, file, frameOf(look, call)) : undefined;
  if (problem === undefined) return { look, entry, findings: look.findings };
  const says = `${file.path} cannot have it: ${problem}.`;
  const advice = 'Correct the file, or leave the table out with --exclude.';
  return { look, entry, findings: [...error('file', says, advice), ...look.findings] };
}

/** Of a new file: one dashboard, and one topic for all alarms. */
function frameOf(look: PairLook, { entryOptions }: FleetCall) {
  return { defaults: defaultsFor(look, entryOptions), fleet: {} };
}
