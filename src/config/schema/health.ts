import {
  choice,
  duration,
  integer,
  optional,
  percent,
  reading,
  refuse,
  section,
  setting,
  switchedOnWhenWritten,
  text,
} from '../kinds.ts';
import { headers, line, requestPath } from '../wire.ts';

/** Status codes, both ends included. */
export interface StatusRange {
  readonly min: number;
  readonly max: number;
}

/** `200`, `"200-299"`, `2xx`, or a list of them; its value is a list of ranges. */
function statuses() {
  return reading<readonly StatusRange[]>({
    kind: 'status',
    expected: 'a status like 200, a range like 200-299, or a list of them',
    json: {
      anyOf: [
        { $ref: '#/$defs/status' },
        { type: 'array', minItems: 1, items: { $ref: '#/$defs/status' } },
      ],
    },
    read: (value) => {
      const ranges: StatusRange[] = [];
      const items = Array.isArray(value) ? value : String(value).split(',');
      for (const item of items) {
        const range = readStatus(String(item).trim());
        if (range === undefined) return refuse(`${JSON.stringify(item)} is not an HTTP status`);
        ranges.push(range);
      }
      return ranges.length === 0 ? refuse('the list is empty') : { ok: true, value: ranges };
    },
  });
}

function readStatus(item: string): StatusRange | undefined {
  const match = /^([1-5])xx$|^(\d{3})(?:\s*-\s*(\d{3}))?$/i.exec(item);
  if (match === null) return undefined;
  if (match[1] !== undefined)
    return { min: Number(match[1]) * 100, max: Number(match[1]) * 100 + 99 };
  const min = Number(match[2]);
  const max = Number(match[3] ?? match[2]);
  return min >= 100 && max <= 599 && min <= max ? { min, max } : undefined;
}

export function formatStatuses(ranges: readonly StatusRange[]): unknown {
  const items = ranges.map(({ min, max }) => (min === max ? min : `${min}-${max}`));
  return items.length === 1 ? items[0] : items;
}

export const healthCheck = section(
  {
    enabled: switchedOnWhenWritten('Probe each server periodically.'),
    type: setting(
      choice(['http', 'https', 'tcp', 'grpc']),
      'http',
      'What a probe does: an HTTP or HTTPS request, only a TCP connect, or a call to grpc.health.v1.Health/Check over HTTP/2.',
    ),
    endpoint: setting(requestPath(), '/', 'Path and query that an HTTP probe requests.'),
    port: optional(integer(1, 65535), "Port to probe, if different from the server's own."),
    interval: setting(duration({ minMs: 100 }), '5s', 'Time between probes of a server.'),
    timeout: setting(
      duration({ minMs: 10 }),
      '2s',
      'A probe that takes longer fails. Keep it below the interval.',
    ),
    failure_threshold: setting(
      integer(1, 100),
      3,
      'Consecutive failures that take a server out. The very first probe of a server decides at once.',
    ),
    success_threshold: setting(
      integer(1, 100),
      2,
      'Consecutive successes that bring a server back.',
    ),
    panic_threshold: setting(
      percent(),
      0,
      'When less than this percentage of the servers is healthy, all are tried, healthy or not. 0: never; with no healthy server, requests get 503.',
    ),
    grpc: section(
      {
        service: optional(
          line(),
          'Service that a gRPC probe checks. Left out: the server as a whole.',
        ),
      },
      'Settings of a gRPC probe.',
    ),
    http: section(
      {
        method: setting(
          choice(['GET', 'HEAD', 'OPTIONS', 'POST']),
          'GET',
          'Method of an HTTP probe.',
        ),
        expected_status: setting(
          statuses(),
          200,
          'Status that counts as healthy: a number, a range like 200-299, or a list of either.',
        ),
        expected_body: optional(
          text(),
          'Text that the first 64 KiB of the body must contain. Left out: the body is not checked.',
        ),
        headers: setting(
          headers(['content-length', 'transfer-encoding']),
          {},
          'Headers sent with an HTTP probe, such as Host or Authorization.',
        ),
      },
      'What an HTTP probe sends and expects.',
    ),
  },
  'Active health checks. The control thread sends each server one probe per interval.',
  'off',
);
