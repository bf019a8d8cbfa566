/**
 * An HTTP/2 request written as the head of an HTTP/1.1 request, to be read by the one reader that
 * all requests go through: what goes to a server never says something else than the client said.
 *
 * Refuses what RFC 9113 §8 calls malformed, whether or not the library below has done so before.
 */
import { IS_FIELD_VALUE, TOKEN_LOWER } from '../http1/chars.ts';

/** Names and values in turn, pseudo-header fields included, as they came. */
export type Fields = readonly string[];

/** A request that is not malformed. */
export interface Http1Head {
  /** Request line and header lines, the empty line included. */
  readonly text: string;
  /** An extended CONNECT: WebSocket over HTTP/2 (RFC 8441). */
  readonly isWebSocket: boolean;
}

/** Connection-specific fields (§8.2.2); `te` may say one thing only. */
const FORBIDDEN = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/**
 * @param hasBody whether DATA or trailers follow
 * @param webSocketKey for a WebSocket, whose key HTTP/2 leaves out
 * @returns undefined where the request is malformed
 */
export function http1Head(
  fields: Fields,
  hasBody: boolean,
  webSocketKey: () => string,
): Http1Head | undefined {
  const pseudo = readPseudo(fields);
  if (pseudo === undefined) return undefined;
  const { method, authority, path, protocol } = pseudo;
  if (method === undefined || !areConsistent(pseudo)) return undefined;
  const isWebSocket = protocol !== undefined;

  let host = authority;
  let cookies = '';
  let lines = '';
  let hasLength = false;
  for (let at = pseudo.end; at < fields.length; at += 2) {
    const name = fields[at]!;
    const value = fields[at + 1]!;
    if (!isLowerToken(name) || !isValue(value) || FORBIDDEN.has(name)) return undefined;
    if (name === 'te' && value !== 'trailers') return undefined;
    if (name === 'host') {
      if (host !== undefined && host.toLowerCase() !== value.toLowerCase()) return undefined;
      host = value;
    } else if (name === 'cookie') cookies = cookies === '' ? value : `${cookies}; ${value}`;
    else {
      if (name === 'content-length') hasLength = true;
      lines += `${name}: ${value}\r\n`;
    }
  }
  if (cookies !== '') lines += `cookie: ${cookies}\r\n`;
  if (host !== undefined) lines = `host: ${host}\r\n${lines}`;
  if (isWebSocket) {
    lines += `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${webSocketKey()}\r\n`;
  } else if (hasBody && !hasLength) lines += 'transfer-encoding: chunked\r\n';
  const target = method === 'CONNECT' && !isWebSocket ? authority : path;
  const line = `${isWebSocket ? 'GET' : method} ${target} HTTP/1.1\r\n`;
  return { text: `${line}${lines}\r\n`, isWebSocket };
}

/** Trailers as header lines; undefined where they are malformed (§8.1). */
export function trailerLines(fields: Fields): string | undefined {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    const value = fields[at + 1]!;
    if (!isLowerToken(name) || !isValue(value) || FORBIDDEN.has(name)) return undefined;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

interface Pseudo {
  method?: string;
  scheme?: string;
  authority?: string;
  path?: string;
  protocol?: string;
  /** Where the regular fields begin. */
  end: number;
}
type PseudoName = Exclude<keyof Pseudo, 'end'>;

const PSEUDO: Readonly<Record<string, PseudoName>> = {
  ':method': 'method',
  ':scheme': 'scheme',
  ':authority': 'authority',
  ':path': 'path',
  ':protocol': 'protocol',
};

/** §8.3: they come first, each once, and there are no others. */
function readPseudo(fields: Fields): Pseudo | undefined {
  const pseudo: Pseudo = { end: 0 };
  while (pseudo.end < fields.length && fields[pseudo.end]!.startsWith(':')) {
    const name = PSEUDO[fields[pseudo.end]!];
    const value = fields[pseudo.end + 1]!;
    if (name === undefined || pseudo[name] !== undefined || !isValue(value)) return undefined;
    pseudo[name] = value;
    pseudo.end += 2;
  }
  return pseudo;
}

/** §8.3.1, §8.5, RFC 8441 §4. */
function areConsistent({ method, scheme, authority, path, protocol }: Pseudo): boolean {
  if (authority === '') return false;
  if (method === 'CONNECT' && protocol === undefined) {
    return authority !== undefined && scheme === undefined && path === undefined;
  }
  if (protocol !== undefined && (method !== 'CONNECT' || protocol !== 'websocket')) return false;
  if (scheme !== 'https' && scheme !== 'http') return false;
  if (path === undefined) return false;
  return path.startsWith('/') || (path === '*' && method === 'OPTIONS');
}

function isLowerToken(name: string): boolean {
  if (name === '') return false;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    // Upper-case letters become other ones in the table; nothing beyond latin1 is in it.
    if (TOKEN_LOWER[code] !== code) return false;
  }
  return true;
}

/** §8.2.1: no control characters, and no white space at either end. */
function isValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    if (IS_FIELD_VALUE[value.charCodeAt(at)] !== 1) return false;
  }
  return value === '' || (!isSpace(value, 0) && !isSpace(value, value.length - 1));
}

function isSpace(value: string, at: number): boolean {
  const code = value.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}
