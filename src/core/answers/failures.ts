/**
 * Every way in which an exchange can go wrong on this side of a well-formed answer: whose fault it
 * is, the status the client is told, and what it means. Codes are stable: they stand in logs, in
 * metrics and in docs/errors.md, which a test holds against this table.
 *
 * Malformed messages have codes of their own: core/http1/faults.ts.
 */
export const FAILURES = {
  method_not_allowed: ['client', 405, 'a reverse proxy opens no tunnel and echoes no TRACE'],
  last_hop: ['client', 200, 'OPTIONS with Max-Forwards: 0 is answered here'],
  bad_forwarding_header: [
    'client',
    400,
    'a trusted proxy sent a malformed X-Forwarded-For or Forwarded header',
  ],
  address_denied: ['client', 403, 'requests from this address are not let in'],
  address_rate_limited: ['client', 429, 'this address asks more often than it may'],
  rate_limited: ['us', 429, 'all clients together ask more often than they may'],
  too_many_connections: ['client', 429, 'this address has more connections open than it may'],
  waf_blocked: ['client', 403, 'the request looks like an attack'],
  waf_body_too_large: ['client', 413, 'the request body is larger than the firewall inspects'],
  waf_busy: ['us', 503, 'too many request bodies wait for the firewall'],
  malformed_http2: ['client', 400, 'the HTTP/2 request breaks a rule of RFC 9113, section 8'],
  https_only: ['client', 308, 'this address only sends clients on to HTTPS'],
  bad_proxy_header: ['client', 0, 'a trusted proxy sent no PROXY header, or a malformed one'],
  proxy_header_timeout: ['client', 0, 'a trusted proxy did not send its PROXY header in time'],
  head_timeout: ['client', 408, 'the client did not send its whole request head in time'],
  body_timeout: ['client', 408, 'the client stopped sending its request body'],
  body_too_slow: ['client', 408, 'the client sent its request body too slowly'],
  client_gone: ['client', 499, 'the client left before the response was complete'],
  client_write_timeout: ['client', 499, 'the client took no byte of the response in time'],
  client_too_slow: ['client', 499, 'the client took the response too slowly'],
  idle_timeout: ['client', 0, 'the client connection was idle'],
  no_server: ['us', 503, 'no server of the pool can take a request'],
  overloaded: ['us', 503, 'this instance is overloaded and refuses a part of its requests'],
  queue_full: ['us', 503, 'every server is busy, and as many requests wait as may'],
  queue_timeout: ['us', 503, 'every server stayed busy for as long as a request may wait'],
  connect_shortage: [
    'us',
    503,
    'this machine had no file descriptor, port or memory left to connect to a server',
  ],
  connect_refused: ['server', 502, 'the server refused the connection'],
  connect_unreachable: ['server', 502, 'the server cannot be reached'],
  connect_reset: ['server', 502, 'the connection broke while it was being opened'],
  connect_failed: ['server', 502, 'the connection could not be opened'],
  connect_timeout: ['server', 504, 'the server did not accept the connection in time'],
  name_not_found: ['server', 502, "the server's name has no address"],
  tls_failed: ['server', 502, 'the TLS handshake with the server failed'],
  server_reset: ['server', 502, 'the server broke the connection before its response'],
  server_closed: ['server', 502, 'the server closed the connection before its response'],
  bad_response: ['server', 502, 'the server sent a malformed response'],
  response_head_too_large: ['server', 502, 'the head of the response is larger than the limit'],
  server_failed: ['server', 502, 'the server answered that it failed, and no other was free'],
  response_truncated: ['server', 502, 'the server broke off its response half way'],
  read_timeout: ['server', 504, 'the server stayed silent for too long'],
  write_timeout: ['server', 504, 'the server took no byte of the request in time'],
  stream_timeout: ['us', 0, 'the stream was silent for too long'],
  internal_error: [
    'us',
    500,
    'an error in openclaw itself ended the request; the log has its stack',
  ],
  drained: ['us', 503, 'this instance is shutting down, or the drain of the server is over'],
} as const satisfies Record<
  string,
  readonly [side: 'client' | 'server' | 'us', status: number, text: string]
>;

export type Failure = keyof typeof FAILURES;
