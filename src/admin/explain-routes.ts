/** Why a request went where it went: of one that was, or of one that is made up. */
import { isIP } from 'node:net';
import type { Question } from '../worker/explanation.ts';
import { type AdminRoute, type Call, ok, type Reply, wrong } from './routes.ts';

const HEADERS_MAX = 100;
const TEXT_MAX = 8_192;

export const EXPLAIN_ROUTES: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/explain',
    help: 'why a request went where it went: ?request=ID for a recent one, or a made-up one: ?method=GET&path=/&client=10.0.0.1&header=Name:value',
    handle: explain,
  },
];

async function explain({ instance, query }: Call): Promise<Reply> {
  const question = questionOf(query);
  if (typeof question === 'string') return wrong(400, 'bad_parameter', question);
  const { explanation, wrong: fault } = await instance.explain(question);
  if (explanation !== null) return ok(explanation);
  if (fault !== '') return wrong(400, 'bad_request', fault);
  const help =
    'each worker remembers its last requests; longest those that failed, were retried or were slow';
  return wrong(404, 'unknown_request', `no worker remembers this request; ${help}`);
}

function questionOf(query: URLSearchParams): Question | string {
  const requestId = query.get('request');
  if (requestId !== null) {
    return requestId === '' ? 'the id of a request is empty' : { kind: 'past', requestId };
  }
  const method = (query.get('method') ?? 'GET').toUpperCase();
  const path = query.get('path') ?? '/';
  const client = query.get('client') ?? '127.0.0.1';
  const headers = query.getAll('header');
  if (!/^[A-Z]{1,32}$/.test(method)) return `method must be one like GET, not "${method}"`;
  if (!path.startsWith('/') && path !== '*') return 'path starts with a slash';
  if (isIP(client) === 0) return `client must be an IP address, not "${client}"`;
  if (headers.length > HEADERS_MAX) return `at most ${HEADERS_MAX} headers`;
  for (const text of [path, ...headers]) {
    if (/[\r\n\0]/.test(text) || text.length > TEXT_MAX)
      return 'a header or path is one short line';
  }
  const bare = headers.find((line) => !/^[^:\s]+:/.test(line));
  if (bare !== undefined) return `a header must be Name:value, not "${bare}"`;
  return { kind: 'made-up', method, path, headers, client };
}
