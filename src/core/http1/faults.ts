/**
 * What a peer can get wrong in HTTP/1.1, with the status that a client is told. When a server is
 * the one at fault the client is told 502 whatever the table says.
 */
export const FAULTS = {
  bad_method: [400, 'the method is not a token'],
  method_too_long: [501, 'the method is longer than any that is known'],
  bad_target: [400, 'the request target holds a byte that a URI cannot hold, or has no known form'],
  bad_version: [400, 'the line does not end in HTTP/1.1 or HTTP/1.0'],
  unsupported_version: [505, 'only HTTP/1.1 and HTTP/1.0 are spoken here'],
  bad_status_line: [400, 'the status line is malformed'],
  bare_cr: [400, 'a carriage return stands without its line feed'],
  bare_lf: [400, 'a line feed stands without its carriage return'],
  folded_line: [400, 'a header line begins with white space'],
  bad_field_name: [400, 'a header name is empty or not a token'],
  space_before_colon: [400, 'white space stands between a header name and its colon'],
  bad_field_value: [400, 'a header value holds a control character'],
  head_too_large: [431, 'the head is larger than the limit'],
  too_many_fields: [431, 'the head has more header lines than the limit'],
  target_too_long: [414, 'the request target is longer than the limit'],
  too_many_options: [431, 'Connection names more options than the limit'],
  missing_host: [400, 'an HTTP/1.1 request has no Host header'],
  repeated_host: [400, 'the request has more than one Host header'],
  bad_host: [400, 'the Host header is not a host with an optional port'],
  bad_content_length: [400, 'Content-Length is not one decimal number'],
  repeated_content_length: [400, 'the message has more than one Content-Length'],
  length_with_transfer_encoding: [400, 'the message has Content-Length and Transfer-Encoding'],
  bad_transfer_encoding: [400, 'the last transfer coding is not one chunked'],
  unsupported_transfer_encoding: [501, 'chunked is the only transfer coding understood here'],
  transfer_encoding_in_http10: [400, 'HTTP/1.0 knows no Transfer-Encoding'],
  unsupported_expectation: [417, '100-continue is the only expectation understood here'],
  bad_chunk: [400, 'the chunked framing is malformed'],
  bad_trailer: [400, 'the trailer section is malformed'],
  trailer_too_large: [431, 'the trailer section is larger than the limit'],
} as const satisfies Record<string, readonly [status: number, text: string]>;

export type Fault = keyof typeof FAULTS;
