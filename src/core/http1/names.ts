/**
 * Field names that the proxy acts on, each with a small number.
 * The numbers are below 32, so that a set of them is one integer.
 */

export const NAME = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  upgrade: 5,
  expect: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  http2Settings: 11,
  xForwardedFor: 12,
  xForwardedProto: 13,
  xForwardedHost: 14,
  forwarded: 15,
  via: 16,
  xRequestId: 17,
  date: 18,
  cookie: 19,
  contentType: 20,
  maxForwards: 21,
  setCookie: 22,
  retryAfter: 23,
  contentEncoding: 24,
  traceparent: 25,
  userAgent: 26,
  proxyAuthenticate: 27,
  authorization: 28,
  /** Not a name: a field that we leave out ourselves, whatever it is called (Head.drop). */
  dropped: 29,
  clientCert: 30,
  /** Not a name: all others by which proxies tell servers of a client, and we do not. */
  proxyOnly: 31,
} as const;

const SPELLING: Record<Exclude<keyof typeof NAME, 'other' | 'dropped' | 'proxyOnly'>, string> = {
  host: 'host',
  connection: 'connection',
  contentLength: 'content-length',
  transferEncoding: 'transfer-encoding',
  upgrade: 'upgrade',
  expect: 'expect',
  te: 'te',
  trailer: 'trailer',
  keepAlive: 'keep-alive',
  proxyConnection: 'proxy-connection',
  http2Settings: 'http2-settings',
  xForwardedFor: 'x-forwarded-for',
  xForwardedProto: 'x-forwarded-proto',
  xForwardedHost: 'x-forwarded-host',
  forwarded: 'forwarded',
  via: 'via',
  xRequestId: 'x-request-id',
  date: 'date',
  cookie: 'cookie',
  contentType: 'content-type',
  maxForwards: 'max-forwards',
  setCookie: 'set-cookie',
  retryAfter: 'retry-after',
  contentEncoding: 'content-encoding',
  traceparent: 'traceparent',
  userAgent: 'user-agent',
  proxyAuthenticate: 'proxy-authenticate',
  authorization: 'authorization',
  clientCert: 'client-cert',
};

/** How the names begin that proxies have made for themselves, in lower case. */
export const PROXY_PREFIX = 'x-forwarded-';

/** Further names by which proxies tell servers of a client's address or scheme, in lower case. */
export const PROXY_ONLY: readonly string[] = [
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'client-ip',
  'true-client-ip',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
];

/** Further spellings of a number: the chain goes with its certificate (RFC 9440 §2.3). */
const SPELLED_TOO: readonly (readonly [string, number])[] = [
  ['client-cert-chain', NAME.clientCert],
  // No client has a reason to send these: httpoxy, and a mark of Next.js by which its servers let
  // requests past their middleware (CVE-2025-29927).
  ['proxy', NAME.dropped],
  ['x-middleware-subrequest', NAME.dropped],
  ...PROXY_ONLY.map((name) => [name, NAME.proxyOnly] as const),
];

/** Names that a server believes of the proxy before it, or frames the message by. */
const GUARDED: ReadonlySet<number> = new Set([
  NAME.contentLength,
  NAME.transferEncoding,
  NAME.keepAlive,
  NAME.proxyConnection,
  NAME.http2Settings,
  NAME.xForwardedFor,
  NAME.xForwardedProto,
  NAME.xForwardedHost,
  NAME.xRequestId,
  NAME.contentType,
  NAME.contentEncoding,
  NAME.maxForwards,
  NAME.clientCert,
  NAME.proxyOnly,
  NAME.dropped,
]);

/** A known name: its number, and its bytes in lower case. */
export interface KnownName {
  readonly id: number;
  readonly bytes: Uint8Array;
  /** Where its hyphens are. */
  readonly hyphens: readonly number[];
  /**
   * The number of a request's field whose name only looks like this one, for it has another mark
   * where this has a hyphen. CGI, WSGI and PHP tell a server the same name for both.
   */
  readonly lookalikeId: number;
  /** Whether a request's field of this very name is left out even where such fields are passed. */
  readonly isAlwaysDropped: boolean;
}

/** Known names by their first byte, in either case; undefined where none begins with it. */
export const KNOWN_BY_FIRST: readonly (readonly KnownName[] | undefined)[] = byFirst();

function byFirst(): (KnownName[] | undefined)[] {
  const table: (KnownName[] | undefined)[] = new Array(256).fill(undefined);
  const spellings = Object.entries(SPELLING).map(
    ([key, spelling]) => [spelling, NAME[key as keyof typeof NAME]] as const,
  );
  for (const [spelling, id] of [...spellings, ...SPELLED_TOO]) {
    const bytes = Uint8Array.from(spelling, (char) => char.charCodeAt(0));
    const hyphens = [...spelling].flatMap((char, at) => (char === '-' ? [at] : []));
    const lookalikeId = GUARDED.has(id) ? NAME.dropped : NAME.other;
    // "Proxy" becomes HTTP_PROXY, which programs take for their own proxy: https://httpoxy.org
    const name = { id, bytes, hyphens, lookalikeId, isAlwaysDropped: spelling === 'proxy' };
    const lower = bytes[0]!;
    table[lower] ??= [];
    table[lower].push(name);
    table[lower - 32] = table[lower];
  }
  return table;
}

/** Fields that stop at a proxy, a bit each (RFC 9110 §7.6.1). */
export const HOP_BY_HOP =
  (1 << NAME.connection) |
  (1 << NAME.keepAlive) |
  (1 << NAME.proxyConnection) |
  (1 << NAME.te) |
  (1 << NAME.transferEncoding) |
  (1 << NAME.upgrade) |
  (1 << NAME.http2Settings) |
  (1 << NAME.dropped);
