/**
 * What a setting can be. A setting is one of the kinds below with the operator's sentence and its
 * default, all in one place; validation, messages, the JSON Schema and the reference page are
 * derived from it:
 *
 *     connect: setting(duration(), '5s', 'Longest wait for a connection to a server.'),
 */
import { z } from 'zod';
import { formatAddress, parseAddress, parseCidr } from '../base/address.ts';
import {
  DURATION_MS_MAX,
  formatDuration,
  type Parsed,
  parseDuration,
  parseSize,
  WAIT_MS_MAX,
} from '../base/units.ts';

export type Kind =
  | 'address'
  | 'boolean'
  | 'choice'
  | 'duration'
  | 'list'
  | 'map'
  | 'network'
  | 'number'
  | 'path'
  | 'percent'
  | 'section'
  | 'size'
  | 'status'
  | 'text'
  | 'other';

/** What hangs on a schema node. A wrapper (a default) and what it wraps each hold their part. */
export interface SettingMeta {
  /** The operator's sentence: meaning, default where it is computed, risk. */
  description?: string;
  /** As the file would spell it. Absent where the setting has none. */
  default?: unknown;
  kind?: Kind;
  /** What a value must be, for messages and the reference: "a duration like 250ms, 5s or 1m30s". */
  expected?: string;
  /** Never shown unless asked for. */
  secret?: boolean;
  /** What editors check, where it cannot be derived. */
  json?: object;
  /** Read once at the start, with all that is below it; everything else follows a reload. */
  needsRestart?: true;
  /** What may stand in place of the section: a server may be its address alone. */
  shorthand?: object;
}

/** What a custom issue says beyond its message; see explain.ts. */
export interface IssueParams {
  expected: string;
  missing?: true;
  /** The mend, where it takes more than what is expected. */
  help?: string;
  /** It is about the name of an entry of a map, not its value. */
  aboutKey?: true;
}

/** A setting with a default, given as the file would spell it. */
export function setting<T extends z.ZodType>(type: T, fallback: unknown, description: string) {
  return type.prefault(fallback as never).meta({ description, default: fallback });
}

/** A setting that may be left out; the sentence says what happens then. */
export function optional<T extends z.ZodType>(type: T, description: string) {
  return type.optional().meta({ description });
}

/** A setting without which its section makes no sense. */
export function required<T extends z.ZodType>(type: T, description: string): T {
  const own = z.globalRegistry.get(type) as SettingMeta | undefined;
  return type.meta({ ...own, description }) as T;
}

/**
 * A group of settings. An absent group has the defaults of its members; with `absent: 'off'` it is
 * off when it is absent, and on when it is written without saying `enabled: false`.
 */
export function section<S extends z.ZodRawShape>(
  shape: S,
  description: string,
  absent: 'off' | 'defaults' = 'defaults',
) {
  const fallback = absent === 'off' ? { enabled: false } : {};
  return z
    .strictObject(shape)
    .meta({ kind: 'section' satisfies Kind })
    .prefault(fallback as never)
    .meta({ description });
}

/** A setting or section that only a restart brings into force. */
export function needsRestart<T extends z.ZodType>(type: T): T {
  return type.meta({ ...metaOf(type), needsRestart: true }) as T;
}

/** The `enabled` of a section that is off when absent. */
export function switchedOnWhenWritten(description: string) {
  return setting(flag(), true, `${description} True where the section is written, else false.`);
}

export function list<T extends z.ZodType>(item: T, most = 4096) {
  const expected = 'a list';
  return z.array(item).max(most).meta({ kind: 'list', expected });
}

/** A list whose single item may stand without the dashes. */
export function oneOrList<T extends z.ZodType>(item: T, most = 64) {
  const json = (inner: object) => ({ anyOf: [inner, { type: 'array', items: inner }] });
  const inner = metaOf(item).json ?? { type: 'string' };
  return z
    .preprocess(
      (value) => (value === undefined || Array.isArray(value) ? value : [value]),
      z.array(item).min(1).max(most),
    )
    .meta({
      kind: 'list' satisfies Kind,
      expected: `${metaOf(item).expected}, or a list of them`,
      json: json(inner),
    });
}

export function map(expected: string, value: z.ZodType<string> = text()) {
  // A record drops that name without a word.
  const checked = z.preprocess(
    (names: unknown, { issues }) => {
      if (typeof names === 'object' && names !== null && Object.hasOwn(names, '__proto__')) {
        issues.push({ code: 'custom', message: '"__proto__" cannot be a name here', input: names });
      }
      return names;
    },
    z.record(z.string(), value),
  );
  return checked.meta({ kind: 'map' satisfies Kind, expected });
}

export function flag() {
  return z.boolean().meta({ kind: 'boolean' satisfies Kind, expected: 'true or false' });
}

export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z
    .enum(values)
    .meta({ kind: 'choice' satisfies Kind, expected: `one of ${values.join(', ')}` });
}

export function integer(min: number, max: number) {
  return z
    .int()
    .min(min)
    .max(max)
    .meta({ kind: 'number' satisfies Kind, expected: `a whole number from ${min} to ${max}` });
}

/** A duration that is waited for; its value is a number of milliseconds. */
export function duration(bounds: { minMs?: number; maxMs?: number } = {}) {
  const expected = 'a duration like 250ms, 5s or 1m30s';
  return reading<number>({
    kind: 'duration',
    expected,
    json: { type: 'string', pattern: DURATION_PATTERN },
    read: (value) => {
      if (typeof value === 'number') return parseDuration(String(value));
      if (typeof value !== 'string') return refuse('this is not a duration');
      const parsed = parseDuration(value);
      if (!parsed.ok) return parsed;
      const { minMs = 0, maxMs = WAIT_MS_MAX } = bounds;
      if (parsed.value < minMs) return refuse(`the duration is at least ${formatDuration(minMs)}`);
      if (parsed.value > maxMs) return refuse(`the duration is at most ${formatDuration(maxMs)}`);
      return parsed;
    },
  });
}

/** How long something is kept by somebody who looks at the calendar: a year at most. */
export function age(bounds: { minMs?: number } = {}) {
  return duration({ ...bounds, maxMs: DURATION_MS_MAX });
}

/** A size; its value is a number of bytes. */
export function size(bytesMin: number, bytesMax: number) {
  return reading<number>({
    kind: 'size',
    expected: 'a size like 512, 16k or 1m',
    json: {
      anyOf: [
        { type: 'integer', minimum: bytesMin, maximum: bytesMax },
        { type: 'string', pattern: SIZE_PATTERN },
      ],
    },
    read: (value) => {
      if (typeof value !== 'string' && typeof value !== 'number')
        return refuse('this is not a size');
      const parsed = parseSize(String(value));
      if (!parsed.ok) return parsed;
      if (parsed.value < bytesMin) return refuse(`the size is at least ${bytesMin} bytes`);
      if (parsed.value > bytesMax) return refuse(`the size is at most ${bytesMax} bytes`);
      return parsed;
    },
  });
}

/** A share of a hundred, as `20` or `"20%"`; its value is a number from 0 to 100. */
export function percent() {
  return reading<number>({
    kind: 'percent',
    expected: 'a percentage from 0 to 100, like 20 or 20%',
    json: {
      anyOf: [
        { type: 'number', minimum: 0, maximum: 100 },
        { type: 'string', pattern: '^\\d+(\\.\\d+)?%$' },
      ],
    },
    read: (value) => {
      const match = /^(\d+(?:\.\d+)?)%?$/.exec(String(value).trim());
      if (match === null || typeof value === 'boolean') return refuse('this is not a percentage');
      const share = Number(match[1]);
      return share > 100 ? refuse('a percentage is at most 100') : { ok: true, value: share };
    },
  });
}

/** An address in its canonical form. A server needs a host, a listener does not. */
export function address(host: 'host needed' | 'host optional' = 'host needed') {
  const needed = host === 'host needed';
  return reading<string>({
    kind: 'address',
    expected: needed ? 'host:port or unix:/path' : 'host:port, :port or unix:/path',
    json: { type: 'string' },
    read: (value) => {
      if (typeof value !== 'string' && typeof value !== 'number') {
        return refuse('this is not an address');
      }
      const parsed = parseAddress(String(value));
      if (!parsed.ok) return parsed;
      if (needed && parsed.value.kind === 'tcp' && parsed.value.host === '') {
        return refuse(
          `the host is missing: write "127.0.0.1:${parsed.value.port}" for this machine`,
        );
      }
      return { ok: true, value: formatAddress(parsed.value) };
    },
  });
}

/** A network of either family in its canonical form; an address stands for itself. */
export function network() {
  return reading<string>({
    kind: 'network',
    expected: 'a network like 10.0.0.0/8 or an address',
    json: { type: 'string' },
    read: (value) =>
      typeof value === 'string' ? parseCidr(value) : refuse('this is not a network'),
  });
}

/** Stands for clients on a unix socket. */
export const UNIX_PEERS = 'unix:';

/** Where a proxy before us connects from: a network, or a unix socket, which has no address. */
export function peers() {
  return reading<string>({
    kind: 'network',
    expected: `a network like 10.0.0.0/8, an address, or ${UNIX_PEERS} for unix sockets`,
    json: { type: 'string' },
    read: (value) => {
      if (typeof value !== 'string') return refuse('this is not a network');
      if (value === UNIX_PEERS) return { ok: true, value };
      if (/^unix\b/i.test(value)) {
        return refuse(`"${UNIX_PEERS}" stands for all unix sockets that openclaw listens on`);
      }
      return parseCidr(value);
    },
  });
}

export function text(pattern?: RegExp, expected = 'a text') {
  return reading<string>({
    kind: 'text',
    expected,
    json: pattern === undefined ? { type: 'string' } : { type: 'string', pattern: pattern.source },
    read: (value) => {
      if (typeof value !== 'string') return refuse('this is not text: put it in quotes');
      if (value === '') return refuse('the text is empty');
      return pattern === undefined || pattern.test(value)
        ? { ok: true, value }
        : refuse(`this is not ${expected}`);
    },
  });
}

/** A path of a file. One that is not absolute counts from the folder of the configuration. */
export function path() {
  const pattern = /^\P{Cc}+$/u;
  return reading<string>({
    kind: 'path',
    expected: 'the path of a file',
    json: { type: 'string', pattern: pattern.source },
    read: (value) => {
      if (typeof value !== 'string') return refuse('this is not text: put it in quotes');
      if (value === '') return refuse('the text is empty');
      return pattern.test(value)
        ? { ok: true, value }
        : refuse(
            'a path cannot contain control characters: put it in single quotes, or write it with /',
          );
    },
  });
}

/** A text that no output shows unless asked to. */
export function secret(pattern?: RegExp, expected = 'a secret text') {
  const type = text(pattern, expected);
  return type.meta({ ...metaOf(type), secret: true }) as typeof type;
}

/** A kind read by a function of ours; `undefined` never reaches it. */
export function reading<T>(kind: {
  kind: Kind;
  expected: string;
  json: object;
  read: (value: unknown) => Parsed<T> | Refused;
}) {
  const { expected, read, json } = kind;
  return z
    .unknown()
    .transform((value, context): T => {
      const parsed = value === undefined ? refuse('missing') : read(value);
      if (parsed.ok) return parsed.value;
      const { help } = parsed as Refused;
      const params: IssueParams = {
        expected,
        ...(value === undefined && { missing: true }),
        ...(help !== undefined && { help }),
      };
      context.issues.push({ code: 'custom', input: value, message: parsed.reason, params });
      return z.NEVER;
    })
    .meta({ kind: kind.kind, expected, json });
}

export function metaOf(type: z.core.$ZodType): SettingMeta {
  return (z.globalRegistry.get(type) as SettingMeta | undefined) ?? {};
}

export interface Refused {
  readonly ok: false;
  readonly reason: string;
  readonly help?: string;
}

export function refuse(reason: string, help?: string): Refused {
  return help === undefined ? { ok: false, reason } : { ok: false, reason, help };
}

const DURATION_PATTERN = '^(0|(?=\\d)(\\d+d)?(\\d+h)?(\\d+m(?!s))?(\\d+(\\.\\d+)?s)?(\\d+ms)?)$';
const SIZE_PATTERN = '^\\d+\\s*([kKmMgG]([iI]?[bB])?|[bB])?$';
