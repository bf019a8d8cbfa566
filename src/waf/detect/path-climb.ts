/** How far a path climbs, segment by segment, and where it arrives. */
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { CODE_ENDS, PRIVATE_PATHS } from './path-names.ts';

/** Segments of one value that are read; a path deeper than this climbs no further. */
const SEGMENTS_MAX = 256;

/** Runs of a text that may be paths each: what a quote, a bracket or a line end parts is no one path. */
const RUNS_MAX = 256;

export function detectClimb(subject: Subject, findings: Findings): void {
  const text = spelledInHex(subject.text);
  if (!hasStep(text)) return;
  let from = 0;
  for (let run = 0; from < text.length && run < RUNS_MAX; run++) {
    let to = from;
    while (to < text.length && !isBreak(text.charCodeAt(to))) to++;
    if (to - from > 2) climb(subject, findings, text.slice(from, to), from);
    from = to + 1;
  }
}

function hasStep(text: string): boolean {
  return text.includes('..') || text.includes('.\u0000.');
}

/** 0x2e0x2e0x2f for ../ */
function spelledInHex(text: string): string {
  if (!text.includes('0x2') && !text.includes('0x5')) return text;
  return text.replace(/0x2e/gi, '.').replace(/0x2f/gi, '/').replace(/0x5c/gi, '\\');
}

function isBreak(code: number): boolean {
  return (
    code === 10 ||
    code === 13 ||
    code === 34 ||
    code === 39 ||
    code === 96 ||
    code === 40 ||
    code === 41 ||
    code === 60 ||
    code === 62 ||
    code === 44
  );
}

function climb(subject: Subject, findings: Findings, text: string, offset: number): void {
  if (!hasStep(text)) return;
  let depth = 0;
  let lowest = 0;
  let climbs = 0;
  let first = -1;
  let odd = false; // a spelling that only a filter's evader uses: ....// or ..;/
  let words = false;
  let start = 0;
  let segments = 0;
  let end = 0;
  for (; end <= text.length && segments < SEGMENTS_MAX; end++) {
    const code = end < text.length ? text.charCodeAt(end) : 47;
    if (code === 32) words = true;
    if (code !== 47 && code !== 92) continue;
    const kind = segmentKind(text, start, end);
    if (kind === 'up' || kind === 'odd') {
      if (first < 0) first = start;
      if (kind === 'odd') odd = true;
      if (end < text.length || kind === 'up') {
        climbs++;
        depth--;
      }
      if (depth < lowest) lowest = depth;
    } else if (kind === 'down') depth++;
    segments++;
    start = end + 1;
  }
  if (climbs === 0) return;
  const whole = !words && !subject.prose;
  const why = `climbs ${climbs} folders`;
  // What climbs no further than it came stays in its place, whatever its query says.
  const ends = lowest < 0 || odd ? ' ' : /[ ?]/;
  const target = lowerPath(text.slice(first, first + 512)).split(ends, 1)[0]!;
  const secret = PRIVATE_PATHS.some((it) => target.includes(it));
  const coded =
    subject.round > 0 ||
    odd ||
    text.includes('\\..') ||
    text.includes('..\\') ||
    text.includes('\0');
  const report = (signal: string): void =>
    findings.signal(signal, subject, offset + first, offset + first + 80, why);

  if (secret && !subject.prose) report('path-climb');
  else if (subject.place === 'path' && (lowest < 0 || odd)) report('path-climb');
  else if (
    climbs < 4 &&
    text.length + 2 < subject.text.length &&
    !odd &&
    (subject.round === 0 || subject.document)
  )
    report('path-step'); // a path that a longer text quotes
  else if (!whole && climbs < 3) report('path-step');
  else if (!whole && subject.prose) report('path-step');
  else if (climbs >= 3 && (lowest < 0 || odd)) report('path-climb');
  else if (lowest >= 0 && !odd) report('path-step');
  else if (climbs >= 2 && subject.place !== 'json' && subject.place !== 'body')
    report('path-climb');
  else if (coded && first < 8 && subject.place !== 'json' && subject.place !== 'body')
    report('path-climb');
  else if (
    first === 0 &&
    endsInCode(target) &&
    subject.place !== 'json' &&
    subject.place !== 'xml' &&
    subject.place !== 'body'
  )
    report('path-climb');
  else if (subject.place === 'filename') report('path-climb');
  else report('path-step');
}

/** up: `..` in its spellings; odd: dots and fillers that a filter turns into `..`. */
function segmentKind(text: string, start: number, end: number): 'up' | 'odd' | 'down' | 'none' {
  const length = end - start;
  if (length === 0) return 'none';
  const last = text.charCodeAt(end - 1);
  if (length === 1) return last === 46 ? 'none' : 'down';
  // A path may begin after `file=` or a quote: only the end of the segment is its name.
  if (last === 46 && text.charCodeAt(end - 2) === 46) {
    const before = length === 2 ? -1 : text.charCodeAt(end - 3);
    if (before === -1 || isBoundary(before)) return 'up';
    let dots = 0;
    while (dots < length && text.charCodeAt(end - 1 - dots) === 46) dots++;
    return dots === length && dots >= 3 ? 'odd' : 'down';
  }
  if (text.charCodeAt(start) === 46) {
    let at = start;
    while (at < end && '.;\0 \t\r\n?%*<>'.includes(text[at]!)) at++;
    if (text.startsWith('..;', start)) return 'odd';
    if (at === end && text.charCodeAt(start + 1) !== 32 && text.slice(start, end).includes('\0'))
      return 'odd';
  }
  return 'down';
}

export function lowerPath(text: string): string {
  let path = text.toLowerCase();
  if (path.includes('\\')) path = path.replaceAll('\\', '/');
  if (path.includes('\0')) path = path.replaceAll('\0', '');
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}

function endsInCode(path: string): boolean {
  return CODE_ENDS.some((end) => path.endsWith(end)) || path.includes('?');
}

export function isBoundary(code: number): boolean {
  return (
    code <= 32 ||
    code === 61 ||
    code === 34 ||
    code === 39 ||
    code === 40 ||
    code === 44 ||
    code === 58 ||
    code === 59 ||
    code === 124 ||
    code === 38 ||
    code === 62 ||
    code === 96 ||
    code === 91 ||
    code === 64
  );
}
