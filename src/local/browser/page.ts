// The live page in the browser: receives a whole view every second, writes it into the document, and
// tells the run which buttons were pressed.

import {
  FAULT_NAMES,
  type ControlsView,
  type PageView,
  type StoryView,
  type TitledFigures,
  type Tone,
} from '../page/page-view.ts';
import { grouped } from '../../text/number-text.ts';
import { drawCharts } from './charts.ts';
import { element } from './element.ts';

const SIGNS: Readonly<Record<Tone, string>> = { good: '✓', busy: '…', bad: '!' };

/** Writes only what is new, so that selections stay and screen readers do not repeat it. */
function say(id: string, text: string): void {
  const place = element(id);
  if (place.textContent !== text) place.textContent = text;
}

const figure = (value: number | undefined) => (value === undefined ? '–' : grouped(value));

const leftOutText = (value: number | undefined) =>
  value === undefined ? '' : `${grouped(value)} left out`;

let shown: PageView | undefined;
const showPoints = drawCharts();

function show(view: PageView): void {
  const before = shown;
  shown = view;
  showVerdict(view, before);
  say('route', view.route);
  say('writes', figure(view.totals.writes));
  say('letters', figure(view.waitingLetters));
  say('source-items', figure(view.sourceItems));
  say('left-out', leftOutText(view.leftOutItems));
  say('destination-items', figure(view.destinationItems));
  element('letters').classList.toggle('alarming', (view.waitingLetters ?? 0) > 0);
  showControls(view.controls);
  if (view.story !== undefined) showStory(view.story);
  showPoints(view.points);
}

function showVerdict({ verdict, note, ended }: PageView, before: PageView | undefined): void {
  element('verdict').dataset['tone'] = verdict.tone;
  say('verdict-sign', SIGNS[verdict.tone]);
  // A number and its unit stay on one line.
  say('verdict-text', verdict.text.replaceAll(/(\d) (ms|s|min)\b/g, '$1\u00a0$2'));
  // The figures in it change every second: it is read out when what it means has changed.
  if (verdict.kind !== before?.verdict.kind) say('announcement', verdict.text);
  element('note').hidden = note === '';
  say('note', note === '' ? '' : `When the workload was over: ${note}`);
  document.title = `${SIGNS[verdict.tone]} ${verdict.text} · Ferry`;
  if (ended) say('connection', 'The run has ended; this is what it showed last.');
}

/** Takes the place of the buttons: such a run has a story of its own. */
function showStory({ source, destination, step, first, second }: StoryView): void {
  element('controls').hidden = true;
  element('story').hidden = false;
  say('writes-title', 'Writes to both tables');
  say('source-title', `Items in ${source}`);
  say('destination-title', `Items in ${destination}`);
  say('step', step);
  list('first', first);
  list('second', second);
}

function list(id: string, { title, figures }: TitledFigures): void {
  const place = element(id);
  say(`${id}-title`, title);
  element(`${id}-title`).hidden = figures.length === 0;
  const text = figures.flat().join('\n');
  if (place.dataset['shown'] === text) return;
  place.dataset['shown'] = text;
  const rows = figures.flatMap(([name, value]) => [
    Object.assign(document.createElement('dt'), { textContent: name }),
    Object.assign(document.createElement('dd'), { textContent: value }),
  ]);
  place.replaceChildren(...rows);
}

function showControls({ open, faults, redriving, redriveResult }: ControlsView): void {
  for (const name of FAULT_NAMES) {
    const button = element(name);
    button.setAttribute('aria-pressed', String(faults[name]));
    // Not `disabled`, which would take the focus away.
    button.setAttribute('aria-disabled', String(!open));
    const state = button.querySelector('.state');
    if (state !== null) state.textContent = faults[name] ? 'on' : 'off';
  }
  element('redrive').setAttribute('aria-disabled', String(!open || redriving));
  say('redrive', redriving ? 'Redriving…' : 'Redrive');
  say('redrive-result', redriveResult);
}

async function press(path: string): Promise<void> {
  say('notice', '');
  try {
    const { ok, status } = await fetch(path, { method: 'POST' });
    if (ok) return;
    say('notice', status === 409 ? 'Not now: the run is finishing.' : `It answered ${status}.`);
  } catch {
    say('notice', 'The run does not answer any more.');
  }
}

function isUsable(id: string): boolean {
  return element(id).getAttribute('aria-disabled') === 'false';
}

for (const name of FAULT_NAMES) {
  element(name).addEventListener('click', () => {
    const on = shown?.controls.faults[name] === true;
    if (isUsable(name)) void press(`/faults/${name}/${on ? 'off' : 'on'}`);
  });
}
element('redrive').addEventListener('click', () => {
  if (isUsable('redrive')) void press('/redrive');
});

const events = new EventSource('/events');
events.addEventListener('message', ({ data }: MessageEvent<string>) => {
  const view = JSON.parse(data) as PageView;
  say('connection', 'Everything on this page comes from the run on this machine.');
  show(view);
  if (view.ended) events.close();
});
events.addEventListener('error', () => {
  if (shown?.ended !== true) say('connection', 'The run does not answer; trying again.');
});
