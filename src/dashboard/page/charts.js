/**
 * Line charts on canvas: an hour of seconds each, drawn anew every second. One column of pixels
 * shows the highest of its samples, so that a spike is never lost to the width of the screen.
 */
import { clock } from './readable.js';

const HEIGHT = 148;
const LEFT = 46;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;
const TICKS = 2;
/** The shortest time that the width shows. */
const LEAST_MS = 60_000;

export class Chart {
  /**
   * @param {HTMLElement} parent
   * @param {{title: string, series: {name: string, colour: string}[], format: (value: number) => string, least?: number}} options
   *   `colour` names a variable of the style sheet; `least` is the top of a chart of zeros
   */
  constructor(parent, options) {
    this.options = options;
    this.figure = document.createElement('figure');
    this.caption = document.createElement('figcaption');
    this.title = document.createElement('span');
    this.legend = document.createElement('span');
    this.legend.className = 'legend';
    this.caption.append(this.title, this.legend);
    this.canvas = document.createElement('canvas');
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'img');
    this.figure.append(this.caption, this.canvas);
    parent.append(this.figure);
    this.times = [];
    this.values = [];
    this.colours = {};
    this.minutes = 60;
    this.cursor = null;
    this.canvas.addEventListener('pointermove', (event) => this.point(event.offsetX));
    this.canvas.addEventListener('pointerleave', () => this.point(null));
    this.canvas.addEventListener('blur', () => this.point(null));
    this.canvas.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -8, ArrowRight: 8 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.point(Math.min(Math.max((this.cursor ?? this.width) + step, LEFT), this.width - RIGHT));
    });
    this.entries = options.series.map(({ name, colour }) => {
      const entry = document.createElement('span');
      const mark = document.createElement('i');
      mark.className = `mark ${colour}`;
      const label = document.createElement('span');
      const value = document.createElement('b');
      label.textContent = name;
      entry.append(mark, label, value);
      this.legend.append(entry);
      return { label, value };
    });
    // Asking for it while drawing would have the page laid out, once for each chart.
    this.width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      this.width = Math.round(contentRect.width);
      this.draw();
    }).observe(this.canvas);
  }

  name(title, names, describe) {
    this.title.textContent = title;
    this.describe = describe;
    names.forEach((name, at) => {
      this.entries[at].label.textContent = name;
    });
  }

  /** Colours follow the theme. */
  paint(colours) {
    this.colours = colours;
    this.draw();
  }

  show(times, columns, minutes) {
    this.times = times;
    this.values = columns;
    this.minutes = minutes;
    this.draw();
  }

  point(x) {
    this.cursor = x;
    this.draw();
  }

  draw() {
    const { canvas, times, values, width } = this;
    if (width === 0) return;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(HEIGHT * scale)) canvas.height = Math.round(HEIGHT * scale);
    const pen = canvas.getContext('2d');
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    const colour = (name) => this.colours[name];
    const end = times.at(-1) ?? Date.now();
    // A young instance has the whole width: nothing is known of the time before.
    const knownMs = Math.max(end - (times[0] ?? end), LEAST_MS);
    const start = end - Math.min(this.minutes * 60_000, knownMs);
    const plot = width - LEFT - RIGHT;
    const x = (at) => LEFT + ((at - start) / (end - start)) * plot;
    let first = times.findIndex((at) => at >= start);
    if (first === -1) first = times.length;
    const lines = values.map((column) => pixels(times, column, first, x, plot));
    const highest = Math.max(0, ...lines.flatMap((line) => line.map(([, value]) => value)));
    const top = ceiling(highest, this.options.least);
    const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);

    pen.font = '11px system-ui, sans-serif';
    pen.textBaseline = 'middle';
    pen.lineWidth = 1;
    for (let tick = 0; tick <= TICKS; tick++) {
      const value = (top * tick) / TICKS;
      const at = Math.round(y(value)) + 0.5;
      pen.strokeStyle = colour(tick === 0 ? 'axis' : 'grid');
      pen.beginPath();
      pen.moveTo(LEFT, at);
      pen.lineTo(width - RIGHT, at);
      pen.stroke();
      pen.fillStyle = colour('dim');
      pen.textAlign = 'right';
      pen.fillText(this.options.format(value), LEFT - 6, at);
    }
    pen.textBaseline = 'alphabetic';
    for (const [share, align] of [
      [0, 'left'],
      [0.5, 'center'],
      [1, 'right'],
    ]) {
      pen.textAlign = align;
      const time = clock(start + (end - start) * share);
      const at = end - start > 5 * 60_000 ? time.slice(0, 5) : time;
      pen.fillText(at, LEFT + plot * share, HEIGHT - 4);
    }
    lines.forEach((line, at) => {
      const name = this.options.series[at].colour;
      stroke(pen, line, y, colour(name), at === 0 && lines.length === 1 ? y(0) : null);
    });
    const picked =
      this.cursor === null
        ? times.length - 1
        : nearest(times, start + ((this.cursor - LEFT) / plot) * (end - start));
    if (this.cursor !== null && picked >= 0) {
      pen.strokeStyle = colour('dim');
      pen.beginPath();
      pen.moveTo(x(times[picked]), TOP);
      pen.lineTo(x(times[picked]), HEIGHT - BOTTOM);
      pen.stroke();
      pen.textAlign = x(times[picked]) > width / 2 ? 'right' : 'left';
      pen.fillStyle = colour('text');
      pen.fillText(
        clock(times[picked]),
        x(times[picked]) + (x(times[picked]) > width / 2 ? -6 : 6),
        TOP + 10,
      );
    }
    values.forEach((column, at) => {
      const value = picked < 0 ? undefined : column[picked];
      put(this.entries[at].value, value === undefined ? '–' : this.options.format(value));
    });
    const now = values[0]?.at(-1) ?? 0;
    const told = this.describe?.(this.options.format(now), this.options.format(highest)) ?? '';
    if (told !== this.told) canvas.setAttribute('aria-label', told);
    this.told = told;
  }
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** One point for each column of pixels: the highest of the samples that fall into it. */
function pixels(times, column, first, x, plot) {
  const line = [];
  const perPixel = Math.max(1, Math.ceil((times.length - first) / plot));
  for (let at = first; at < times.length; at += perPixel) {
    let value = 0;
    for (let inner = at; inner < Math.min(at + perPixel, times.length); inner++) {
      value = Math.max(value, column[inner]);
    }
    line.push([x(times[at]), value, times[at]]);
  }
  return line;
}

const GAP_MS = 15_000;

function stroke(pen, line, y, colour, base) {
  if (line.length === 0) return;
  pen.beginPath();
  let before = Number.NEGATIVE_INFINITY;
  for (const [at, value, time] of line) {
    if (time - before > GAP_MS) pen.moveTo(at, y(value));
    else pen.lineTo(at, y(value));
    before = time;
  }
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.lineJoin = 'round';
  pen.stroke();
  if (base === null) return;
  pen.lineTo(line.at(-1)[0], base);
  pen.lineTo(line[0][0], base);
  pen.closePath();
  pen.globalAlpha = 0.12;
  pen.fillStyle = colour;
  pen.fill();
  pen.globalAlpha = 1;
}

function nearest(times, at) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle + 1;
    else high = middle;
  }
  return high;
}

/** The least of 1, 2, 4, 5, 6, 8 times a power of ten that is not below: its half is round too. */
function ceiling(value, least = 1) {
  if (value <= 0) return least;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}
