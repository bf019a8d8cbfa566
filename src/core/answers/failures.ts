/**
 * Every way in which an exchange can go wrong on this side of a well-formed answer: whose fault it
 * is, the status the client is told, and what it means. Codes are stable: they stand in logs, in
 * metrics and in docs/errors.md, which a test holds against this table.
 *
 * Malformed messages have codes of their own: core/http1/faults.ts.
 */
export const FAILURES = {
  method_not_allowed: ['client', 405, 'CONNECT and TRACE are not allowed by a reverse proxy'],
  last_hop: ['client', 200, 'OPTIONS with Max-Forwards: 0 ends here'],
  bad_forwarding_header: [
    'client',
    400,
    'a trusted proxy sent a malformed X-Forwarded-For or Forwarded header',
  ],
  address_denied: ['client', 403, 'requests from this address are denied'],
  address_rate_limited: ['client', 429, 'this address has exceeded its request rate'],
  rate_limited: ['us', 429, 'all clients together have exceeded the request rate'],
  too_many_connections: ['client', 429, 'this address has too many connections open'],
  waf_blocked: ['client', 403, 'the request looks like an attack'],
  waf_body_too_large: ['client', 413, "the request body exceeds the firewall's inspection limit"],
  waf_busy: ['us', 503, 'too many request bodies are waiting for the firewall'],
  malformed_http2: ['client', 400, 'the HTTP/2 request violates RFC 9113, section 8'],
  https_only: ['client', 308, 'this address only redirects to HTTPS'],
  bad_proxy_header: ['client', 0, 'a trusted proxy sent a missing or malformed PROXY header'],
  proxy_header_timeout: ['client', 0, 'a trusted proxy did not send its PROXY header in time'],
  head_timeout: ['client', 408, 'the client did not send its complete request head in time'],
  body_timeout: ['client', 408, 'the client stopped sending its request body'],
  body_too_slow: ['client', 408, 'the client sent its request body too slowly'],
  client_gone: ['client', 499, 'the client disconnected before the response was complete'],
  client_write_timeout: ['client', 499, 'the client stopped reading the response'],
  client_too_slow: ['client', 499, 'the client read the response too slowly'],
  idle_timeout: ['client', 0, 'the client connection was idle'],
  no_server: ['us', 503, 'no server of the pool can take a request'],
  overloaded: ['us', 503, 'this instance is overloaded and refuses some of its requests'],
  queue_full: ['us', 503, 'every server is busy, and the wait queue is full'],
  queue_timeout: ['us', 503, 'no server became free in time'],
  connect_shortage: [
    'us',
    503,
    'this machine ran out of file descriptors, ports or memory to connect to a server',
  ],
  connect_refused: ['server', 502, 'the server refused the connection'],
  connect_unreachable: ['server', 502, 'the server cannot be reached'],
  connect_reset: ['server', 502, 'the connection was reset while it was being opened'],
  connect_failed: ['server', 502, 'the connection could not be opened'],
  connect_timeout: ['server', 504, 'the server did not accept the connection in time'],
  name_not_found: ['server', 502, "the server's name could not be resolved"],
  tls_failed: ['server', 502, 'the TLS handshake with the server failed'],
  server_reset: ['server', 502, 'the server reset the connection before its response'],
  server_closed: ['server', 502, 'the server closed the connection before its response'],
  bad_response: ['server', 502, 'the server sent a malformed response'],
  response_head_too_large: ['server', 502, 'the head of the response is larger than the limit'],
  server_failed: ['server', 502, 'the server returned an error, and no other server was free'],
  response_truncated: ['server', 502, 'the server did not complete its response'],
  read_timeout: ['server', 504, 'the server stayed silent for too long'],
  write_timeout: ['server', 504, 'the server stopped reading the request'],
  stream_timeout: ['us', 0, 'the stream was silent for too long'],
  internal_error: [
    'us',
    500,
    'an internal error in openclaw ended the request; the log has the stack trace',
  ],
  drained: ['us', 503, "this instance is shutting down, or the server's drain has timed out"],
} as const satisfies Record<
  string,
  readonly [side: 'client' | 'server' | 'us', status: number, text: string]
>;

export type Failure = keyof typeof FAILURES;
