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
  https_only: ['client', 308, 'this address only sends clients on to HTTPS'],
  head_timeout: ['client', 408, 'the client did not send its whole request head in time'],
  body_timeout: ['client', 408, 'the client stopped sending its request body'],
  client_gone: ['client', 499, 'the client left before the response was complete'],
  client_write_timeout: ['client', 499, 'the client took no byte of the response in time'],
  idle_timeout: ['client', 0, 'the client connection was idle'],
  no_server: ['us', 503, 'no server of the pool can take a request'],
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
  server_failed: ['server', 502, 'the server answered that it failed, and no other was free'],
  response_truncated: ['server', 502, 'the server broke off its response half way'],
  read_timeout: ['server', 504, 'the server stayed silent for too long'],
  write_timeout: ['server', 504, 'the server took no byte of the request in time'],
  stream_timeout: ['us', 0, 'the stream was silent for too long'],
  drained: ['us', 503, 'this instance is shutting down, or the drain of the server is over'],
} as const satisfies Record<
  string,
  readonly [side: 'client' | 'server' | 'us', status: number, text: string]
>;

export type Failure = keyof typeof FAILURES;
