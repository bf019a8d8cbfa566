/** Numbers as people read them. */

export function count(value) {
  if (value >= 1e9) return `${three(value / 1e9)}G`;
  if (value >= 999_500) return `${three(value / 1e6)}M`;
  if (value >= 999.5) return `${three(value / 1e3)}k`;
  return Number.isInteger(value) ? String(value) : three(value);
}

export function ms(value) {
  if (value <= 0) return '–';
  return value >= 999.5 ? `${three(value / 1000)} s` : `${three(value)} ms`;
}

/** @param {number} part 0 to 1 */
export function percent(part) {
  const value = part * 100;
  if (value > 0 && value < 0.1) return '<0.1%';
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)}%`;
}

export function age(durationMs) {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${Math.floor(seconds / 60) % 60}m`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor(seconds / 3600) % 24}h`;
}

/** Made once: to make it takes a hundred times as long as to use it. */
const CLOCK = new Intl.DateTimeFormat([], { timeStyle: 'medium', hourCycle: 'h23' });

export function clock(atMs) {
  return CLOCK.format(atMs);
}

function three(value) {
  if (value >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(2)));
}
