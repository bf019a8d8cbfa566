/**
 * Kinds of texts that go on a wire: each is held to the grammar of the field it will stand in, so
 * that a configuration that passed can also be sent.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { hostFlaw } from '../base/address.ts';
import { isFieldValue, isTarget, isToken } from '../core/http1/grammar.ts';
import { isHost } from '../core/http1/target.ts';
import { type IssueParams, type Kind, map, reading, refuse, secret, text } from './kinds.ts';

/** Path and query of a request that we write ourselves. */
export function requestPath() {
  return carriedPath('a request', '^/[!-~]*$', isTarget, '#');
}

/** Path attribute of a cookie (RFC 6265 §4.1.1). */
export function cookiePath() {
  const pattern = '^/[!-:<-~]*$';
  const grammar = new RegExp(pattern);
  return carriedPath('a cookie', pattern, (value) => grammar.test(value), ';');
}

/**
 * @param pattern of the JSON Schema
 * @param delimiter what ends it there, and is percent-encoded too
 */
function carriedPath(
  carrier: string,
  pattern: string,
  fits: (value: string) => boolean,
  delimiter: string,
) {
  const expected = 'a path that starts with a slash';
  return reading<string>({
    kind: 'text',
    expected,
    json: { type: 'string', pattern },
    read: (value) => {
      if (typeof value !== 'string') return refuse('this is not text: put it in quotes');
      if (!value.startsWith('/')) return refuse(`this is not ${expected}`);
      if (fits(value)) return { ok: true, value };
      const encoded = percentEncoded(value).replaceAll(delimiter, encodeURIComponent(delimiter));
      return refuse(
        controlFlaw(value) ?? `${carrier} cannot carry it as it is`,
        `write it percent-encoded: ${encoded}`,
      );
    },
  });
}

/** A host name as DNS and TLS have it, or an IP address. */
export function hostName() {
  const expected = 'a host name like app.example.com, or an IP address';
  return reading<string>({
    kind: 'text',
    expected,
    json: { type: 'string' },
    read: (value) => {
      if (typeof value !== 'string') return refuse('this is not text: put it in quotes');
      if (value === '') return refuse('the text is empty');
      if (isIP(value) !== 0) return { ok: true, value };
      const flaw = controlFlaw(value) ?? hostFlaw(value.toLowerCase());
      return flaw === undefined ? { ok: true, value } : refuse(flaw);
    },
  });
}

/** A URL that alerts are sent to. */
export function webhookUrl(expected: string) {
  return secretReading(expected, (value) => {
    const flaw = controlFlaw(value);
    if (flaw !== undefined) return refuse(flaw);
    const url = /^https?:\/\/\S+$/i.test(value) ? URL.parse(value) : null;
    if (url === null) return refuse(`this is not ${expected}`);
    if (url.username === '' && url.password === '') return { ok: true, value };
    return refuse(
      'a user name or password in the URL cannot be sent',
      'send them as a header: Authorization: Basic ...',
    );
  });
}

/** A text without control characters, for credentials of protocols made of lines. */
export function secretLine() {
  return secretReading('a secret text', (value) => {
    const flaw = controlFlaw(value);
    return flaw === undefined ? { ok: true, value } : refuse(flaw);
  });
}

export function line() {
  return text(/^[^\p{Cc}]+$/u, 'a text on one line');
}

/** An address of mail as it stands between angle brackets (RFC 5321 §4.1.2), without quoting. */
export function mailAddress() {
  return text(/^[^\s\p{Cc}@<>()[\]\\,;:"]+@[^\s\p{Cc}@<>()[\]\\,;:"]+$/u, MAIL_EXPECTED);
}

const MAIL_EXPECTED = 'an address like ops@example.com';

/** Names and values of headers. @param ours names that the message itself has, in lower case */
export function headers(ours: readonly string[]) {
  return mapOf('header names with their values', (name, value, all) => {
    if (!isToken(name)) return named('this is not a header name: letters, digits and "-"');
    const lower = name.toLowerCase();
    if (ours.includes(lower)) return named(`${name} is written by openclaw itself: remove it`);
    if (all.filter((other) => other.toLowerCase() === lower).length > 1) {
      return named(`${name} is given twice, in different case`);
    }
    if (!isFieldValue(value)) return { message: valueFlaw(value) };
    const bytes = Buffer.from(value, 'latin1');
    if (lower === 'host' && !isHost(bytes, 0, bytes.length)) {
      return { message: 'this is not a host with an optional port' };
    }
    return undefined;
  });
}

/** Tags of StatsD, in the form of DogStatsD: their separators cannot stand in them. */
export function tags() {
  return mapOf(
    'tag names with their values',
    (name, value) => {
      if (!/^[^\p{Cc}|,#:]+$/u.test(name))
        return named('a tag name cannot contain "|", ",", "#" or ":"');
      const flaw = controlFlaw(value);
      if (flaw !== undefined) return { message: flaw };
      return /[|,#]/.test(value)
        ? { message: 'a tag value cannot contain "|", "," or "#"' }
        : undefined;
    },
    text(),
  );
}

type MapFlaw = { message: string; params?: Partial<IssueParams> };

function mapOf(
  expected: string,
  flawOf: (name: string, value: string, names: readonly string[]) => MapFlaw | undefined,
  value: z.ZodType<string> = secret(),
) {
  return map(expected, value)
    .superRefine((entries, context) => {
      const names = Object.keys(entries);
      for (const [name, one] of Object.entries(entries)) {
        const flaw = flawOf(name, one, names);
        if (flaw === undefined) continue;
        const { message } = flaw;
        const params = { expected, ...flaw.params };
        context.addIssue({ code: 'custom', path: [name], message, params });
      }
    })
    .meta({ kind: 'map' satisfies Kind, expected });
}

/** About the name of an entry, not its value. */
function named(message: string): MapFlaw {
  return { message, params: { aboutKey: true } };
}

function secretReading(
  expected: string,
  read: (value: string) => ReturnType<Parameters<typeof reading<string>>[0]['read']>,
) {
  const type = reading<string>({
    kind: 'text',
    expected,
    json: { type: 'string' },
    read: (value) => {
      if (typeof value !== 'string') return refuse('this is not text: put it in quotes');
      return value === '' ? refuse('the text is empty') : read(value);
    },
  });
  return type.meta({ ...z.globalRegistry.get(type), secret: true }) as typeof type;
}

function valueFlaw(value: string): string {
  const flaw = controlFlaw(value);
  if (flaw !== undefined) return flaw;
  if (value !== value.trim()) return 'it starts or ends with whitespace';
  const char = [...value].find((one) => one.charCodeAt(0) > 0xff)!;
  return `a header cannot contain "${char}": only Latin-1 characters`;
}

/** @returns what is wrong with the characters that no line of a protocol can hold */
function controlFlaw(value: string): string | undefined {
  if (/[\r\n]$/.test(value)) return 'it ends in a newline';
  const control = /\p{Cc}/u.exec(value)?.[0];
  if (control === undefined || control === '\t') return undefined;
  if (control === '\n' || control === '\r') return 'there is a newline in it';
  const code = control.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  return `it contains a control character (U+${code})`;
}

function percentEncoded(value: string): string {
  // What is encoded already stays as it is.
  return encodeURI(value.toWellFormed()).replaceAll('%25', '%');
}
