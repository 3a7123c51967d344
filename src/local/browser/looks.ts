// What distinguishes a series: a colour, and a dash or a hatching for those who do not see it.
// The legend shows both, with the name and a figure.

export interface Look {
  readonly name: string;
  /** Custom property of page.css. */
  readonly colour: string;
  /** For lines. */
  readonly dash?: number[];
  /** For areas. */
  readonly hatching?: Hatching;
}

type Hatching = 'none' | 'rising' | 'falling' | 'crossed';

type Paint = string | CanvasPattern;

const TILE = 8;
/** Corners of the lines of a tile, so that tiles join. */
const RISING = [0, TILE, TILE, 0] as const;
const FALLING = [0, 0, TILE, TILE] as const;
const STROKES = {
  none: [],
  rising: [RISING],
  falling: [FALLING],
  crossed: [RISING, FALLING],
} as const;

/** The value of a custom property as it is now, in light or dark. */
export function colourOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}

export function paintOf({ colour, hatching = 'none' }: Look): Paint {
  const tile = document.createElement('canvas');
  tile.width = TILE;
  tile.height = TILE;
  const context = tile.getContext('2d');
  if (context === null || hatching === 'none') return colourOf(colour);
  context.fillStyle = colourOf(colour);
  context.fillRect(0, 0, TILE, TILE);
  context.strokeStyle = colourOf('--surface');
  context.lineWidth = 1.5;
  for (const [fromX, fromY, toX, toY] of STROKES[hatching]) {
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.stroke();
  }
  return context.createPattern(tile, 'repeat') ?? colourOf(colour);
}

export interface Legend {
  /** One text per look, in their order. */
  show(figures: readonly string[]): void;
  /** Draws the samples again, for other colours. */
  repaint(): void;
}

export function legend(list: HTMLElement, looks: readonly Look[]): Legend {
  const entries = looks.map((look) => {
    const entry = document.createElement('li');
    const sample = document.createElement('canvas');
    const name = document.createElement('span');
    const figure = document.createElement('b');
    name.textContent = look.name;
    entry.append(sample, name, figure);
    list.append(entry);
    return { look, sample, figure };
  });
  const repaint = () => {
    for (const { look, sample } of entries) drawSample(sample, look);
  };
  repaint();
  return {
    repaint,
    show(figures) {
      for (const [index, { figure }] of entries.entries()) {
        figure.textContent = figures[index] ?? '';
      }
    },
  };
}

/** Twice as fine as it is shown, for dense screens. */
function drawSample(canvas: HTMLCanvasElement, look: Look): void {
  const width = look.dash === undefined ? 16 : 26;
  canvas.style.width = `${width}px`;
  canvas.width = 2 * width;
  canvas.height = 28;
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(2, 2);
  if (look.dash === undefined) {
    context.fillStyle = paintOf(look);
    context.fillRect(0, 0, width, 14);
    return;
  }
  context.strokeStyle = colourOf(look.colour);
  context.lineWidth = 2.5;
  context.setLineDash(look.dash);
  context.beginPath();
  context.moveTo(0, 7);
  context.lineTo(width, 7);
  context.stroke();
}
