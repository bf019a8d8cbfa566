/** Numbers as people read them. */

/** 0, 7.3, 950, 1.2k, 3.4M, 5.6G. */
export function count(value: number): string {
  if (value >= 999.5) return scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(2)));
}

/** 512 B, 1.2 KB, 3.4 MB: powers of 1024. */
export function bytes(value: number): string {
  return scaled(value, 1024, [' B', ' KB', ' MB', ' GB', ' TB']);
}

/** 0.42 ms, 12 ms, 1.3 s; "-" where nothing was measured. */
export function ms(value: number): string {
  if (value <= 0) return '-';
  if (value >= 999.5) return `${threeDigits(value / 1000)} s`;
  return `${threeDigits(value)} ms`;
}

/** @param part 0 to 1 */
export function percent(part: number): string {
  const value = part * 100;
  if (value > 0 && value < 0.1) return '<0.1%';
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)}%`;
}

/** 45s, 12m 5s, 3h 20m, 6d 4h. */
export function age(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'm'],
    [1, 's'],
  ];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first === -1) return '0s';
  const parts = units.slice(first, first + 2).map(([size, unit], at) => {
    const value = Math.floor(seconds / size);
    return `${at === 0 ? value : value % (units[first]![0] / size)}${unit}`;
  });
  return parts.filter((part, at) => at === 0 || !/^0\D/.test(part)).join(' ');
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let at = 0;
  let rest = value;
  while (rest >= base * 0.9995 && at < units.length - 1) {
    rest /= base;
    at += 1;
  }
  return `${at === 0 ? Math.round(rest) : threeDigits(rest)}${units[at]}`;
}

function threeDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
