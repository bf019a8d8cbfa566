/**
 * Durations and sizes as a configuration writes them.
 *
 * Durations: `250ms`, `5s`, `1m30s`, `24h`, `7d`; units from large to small, each at most once.
 * Sizes: `512`, `16k`, `1m`, `2g`; powers of 1024.
 */

const MS_PER_UNIT = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const BYTES_PER_UNIT = { g: 1 << 30, m: 1 << 20, k: 1 << 10 } as const;

/** What a parser gives back: the value, or a sentence that says what is wrong and how to mend it. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string };

const DURATION = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/;
/** A sanity bound. */
export const DURATION_MS_MAX = 365 * MS_PER_UNIT.d;
/**
 * Whatever is waited for: timers of Node that are longer than 2^31 - 1 ms fire at once, and times in
 * the shared table lie no further apart than that (src/table/table-time.ts).
 */
export const WAIT_MS_MAX = 24 * MS_PER_UNIT.d;

/** Milliseconds, a whole number from 0 to a year. A bare `0` needs no unit. */
export function parseDuration(text: string): Parsed<number> {
  const trimmed = text.trim();
  if (/^-/.test(trimmed)) return refuse('a duration cannot be negative');
  if (trimmed === '0') return { ok: true, value: 0 };
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    return refuse(`the unit is missing: write "${trimmed}s" for seconds or "${trimmed}ms"`);
  }
  const match = DURATION.exec(trimmed);
  if (match === null || trimmed === '') return refuse(durationMend(trimmed));
  const [, d, h, m, s, ms] = match;
  const value =
    Number(d ?? 0) * MS_PER_UNIT.d +
    Number(h ?? 0) * MS_PER_UNIT.h +
    Number(m ?? 0) * MS_PER_UNIT.m +
    Math.round(Number(s ?? 0) * MS_PER_UNIT.s) +
    Number(ms ?? 0);
  if (value > DURATION_MS_MAX) return refuse('a duration is at most a year (365d)');
  return { ok: true, value };
}

/** The shortest spelling that `parseDuration` takes back: 90000 gives `1m30s`, 0 gives `0s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  let rest = durationMs;
  let text = '';
  for (const [unit, unitMs] of Object.entries(MS_PER_UNIT)) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}

const SIZE = /^(\d+)\s*(?:(k|m|g)(?:i?b)?|b)?$/i;

/** Bytes, a whole number from 0 to 2^53. `k`, `m` and `g` are powers of 1024, in either case. */
export function parseSize(text: string): Parsed<number> {
  const match = SIZE.exec(text.trim());
  if (match === null) return refuse('a size is a whole number of bytes, or one with k, m or g');
  const unit = match[2]?.toLowerCase() as keyof typeof BYTES_PER_UNIT | undefined;
  const value = Number(match[1]) * (unit === undefined ? 1 : BYTES_PER_UNIT[unit]);
  if (!Number.isSafeInteger(value)) return refuse('the size is too large');
  return { ok: true, value };
}

/** The shortest spelling that `parseSize` takes back without loss: 16384 gives `16k`. */
export function formatSize(bytes: number): string {
  for (const [unit, unitBytes] of Object.entries(BYTES_PER_UNIT)) {
    if (bytes >= unitBytes && bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`;
  }
  return String(bytes);
}

const WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ms: 'ms',
    msec: 'ms',
    millisecond: 'ms',
    milliseconds: 'ms',
    sec: 's',
    secs: 's',
    second: 's',
    seconds: 's',
    min: 'm',
    mins: 'm',
    minute: 'm',
    minutes: 'm',
    hr: 'h',
    hour: 'h',
    hours: 'h',
    day: 'd',
    days: 'd',
  }),
);

/** What a person meant by `5 seconds`, `5 s` or `5S`. */
function durationMend(text: string): string {
  const match = /^(\d+)\s*([a-z]+)$/i.exec(text);
  const word = match?.[2]?.toLowerCase();
  const unit = word === undefined || Object.hasOwn(MS_PER_UNIT, word) ? word : WORDS.get(word);
  if (unit) return `write "${match![1]}${unit}"`;
  return 'a duration is written like 250ms, 5s, 1m30s, 24h or 7d';
}

function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}
