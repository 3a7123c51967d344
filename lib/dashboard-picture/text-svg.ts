// A text widget as CloudWatch shows it: headings, links and code of markdown, in lines that fit. What does
// not fit into the widget's height is cut off, so that somebody sees it.

import type { TextWidgetBody } from './dashboard-body.ts';
import { type Box, escaped, pixels, widthOf } from './svg-parts.ts';

interface Word {
  readonly word: string;
  readonly style: '' | 'link' | 'code';
  /** Whether a space stands before it. */
  readonly spaced: boolean;
}

const PADDING = 8;
const FONT_SIZES = { h1: 20, h2: 17, p: 13.5 } as const;
const LINE_HEIGHTS = { h1: 30, h2: 28, p: 20 } as const;

export function textSvg({ properties: { markdown } }: TextWidgetBody, box: Box): string[] {
  const { left, top, width, height } = box;
  const place = `x="${pixels(left)}" y="${pixels(top)}" width="${pixels(width)}" height="${pixels(height)}"`;
  let bottom = 2;
  const lines = markdown.split('\n').flatMap((paragraph) => {
    const kind = kindOf(paragraph);
    return wrapped(wordsOf(paragraph.replace(/^#+ /, '')), width - 2 * PADDING, kind).map(
      (words) => {
        bottom += LINE_HEIGHTS[kind];
        return `<text x="${PADDING}" y="${pixels(bottom - 6)}" class="${kind}">${shown(words)}</text>`;
      },
    );
  });
  return [`<svg ${place}>`, ...lines, '</svg>'];
}

type Kind = keyof typeof FONT_SIZES;

function kindOf(paragraph: string): Kind {
  if (paragraph.startsWith('# ')) return 'h1';
  return paragraph.startsWith('## ') ? 'h2' : 'p';
}

function wordsOf(paragraph: string): Word[] {
  const parts = paragraph.matchAll(/\[([^\]]+)\]\([^)]*\)|`([^`]+)`|[^[`]+|./g);
  let spaced = false;
  return [...parts].flatMap(([plain, link, code]) => {
    const style = link !== undefined ? 'link' : code !== undefined ? 'code' : '';
    const words = (link ?? code ?? plain).split(' ').map((word, index) => ({
      word,
      style,
      spaced: index > 0 || spaced,
    })) satisfies Word[];
    spaced = words.at(-1)?.word === '';
    return words.filter(({ word }) => word !== '');
  });
}

function wrapped(words: readonly Word[], width: number, kind: Kind): Word[][] {
  const lines: Word[][] = [];
  let used = Infinity;
  for (const word of words) {
    const wide = widthOf(` ${word.word}`, FONT_SIZES[kind]);
    if (used + wide > width && word.spaced) used = 0;
    if (used === 0 || lines.length === 0) lines.push([]);
    if (used === Infinity) used = 0;
    lines.at(-1)?.push(word);
    used += wide;
  }
  return lines;
}

function shown(words: readonly Word[]): string {
  const runs: Array<{ style: Word['style']; text: string }> = [];
  for (const { word, style, spaced } of words) {
    const last = runs.at(-1);
    if (last?.style === style) last.text += `${spaced ? ' ' : ''}${word}`;
    else {
      if (last !== undefined && spaced) runs.push({ style: '', text: ' ' });
      runs.push({ style, text: word });
    }
  }
  return runs
    .map(({ style, text }) =>
      style === '' ? escaped(text) : `<tspan class="${style}">${escaped(text)}</tspan>`,
    )
    .join('');
}
