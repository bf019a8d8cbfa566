/**
 * What a peer can get wrong in HTTP/1.1, with the status that a client is told. When a server is
 * the one at fault the client is told 502 whatever the table says.
 */
export const FAULTS = {
  bad_method: [400, 'the method is not a token'],
  method_too_long: [501, 'the method is longer than any known method'],
  bad_target: [400, 'the request target contains an invalid byte, or has an unknown form'],
  bad_version: [400, 'the line does not end in HTTP/1.1 or HTTP/1.0'],
  unsupported_version: [505, 'only HTTP/1.1 and HTTP/1.0 are supported'],
  bad_status_line: [400, 'the status line is malformed'],
  bare_cr: [400, 'a carriage return is not followed by a line feed'],
  bare_lf: [400, 'a line feed is not preceded by a carriage return'],
  folded_line: [400, 'a header line starts with whitespace'],
  bad_field_name: [400, 'a header name is empty or not a token'],
  space_before_colon: [400, 'there is whitespace between a header name and its colon'],
  bad_field_value: [400, 'a header value contains a control character'],
  head_too_large: [431, 'the head is larger than the limit'],
  too_many_fields: [431, 'the head has more header lines than the limit'],
  target_too_long: [414, 'the request target is longer than the limit'],
  too_many_options: [431, 'Connection names more options than the limit'],
  missing_host: [400, 'an HTTP/1.1 request has no Host header'],
  repeated_host: [400, 'the request has more than one Host header'],
  bad_host: [400, 'the Host header is not a host with an optional port'],
  bad_content_length: [400, 'Content-Length is not one decimal number'],
  repeated_content_length: [400, 'the message has more than one Content-Length'],
  length_with_transfer_encoding: [400, 'the message has both Content-Length and Transfer-Encoding'],
  bad_transfer_encoding: [400, 'chunked must be the last transfer coding, and occur once'],
  unsupported_transfer_encoding: [501, 'chunked is the only supported transfer coding'],
  transfer_encoding_in_http10: [400, 'Transfer-Encoding is not allowed in HTTP/1.0'],
  unsupported_expectation: [417, '100-continue is the only supported expectation'],
  bad_chunk: [400, 'the chunked framing is malformed'],
  bad_trailer: [400, 'the trailer section is malformed'],
  trailer_too_large: [431, 'the trailer section is larger than the limit'],
} as const satisfies Record<string, readonly [status: number, text: string]>;

export type Fault = keyof typeof FAULTS;
