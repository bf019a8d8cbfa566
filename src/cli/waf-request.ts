/** A request put together from the options of `openclaw waf test`. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type BodyView, type HeadView, headerList } from '../waf/index.ts';
import { CommandError, EXIT, type Io } from './io.ts';

export interface RequestOptions {
  method?: string;
  path: string;
  header: string[];
  body?: string;
  bodyFile?: string;
}

export interface MadeUpRequest {
  readonly head: HeadView;
  readonly body: BodyView | undefined;
}

/** @throws CommandError for a header without a colon, two bodies, a file that cannot be read */
export function madeUpRequest(io: Io, options: RequestOptions): MadeUpRequest {
  const pairs = options.header.map(headerOf);
  const bytes = bodyOf(io, options);
  // A target holds no blank; what is typed for one stands for its encoding.
  const target = options.path.replaceAll(' ', '%20');
  if (!/^(?:\/|\*$|https?:\/\/)/i.test(target)) {
    throw new CommandError(`--path must start with a slash, not "${options.path}"`, EXIT.usage);
  }
  const method = options.method ?? (bytes === undefined ? 'GET' : 'POST');
  const head = { method, target, headers: headerList(pairs) };
  if (bytes === undefined) return { head, body: undefined };
  const named = pairs.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const contentType = named ?? guessType(bytes);
  return { head, body: { target, contentType, bytes, isTruncated: false } };
}

function headerOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  if (colon < 1) {
    throw new CommandError(`"${line}" is not a header; write it as "Name: value"`, EXIT.usage);
  }
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

function bodyOf(io: Io, { body, bodyFile }: RequestOptions): Buffer | undefined {
  if (body !== undefined && bodyFile !== undefined) {
    throw new CommandError('use either --body or --body-file, not both', EXIT.usage);
  }
  if (body !== undefined) return Buffer.from(body);
  if (bodyFile === undefined) return undefined;
  try {
    return readFileSync(bodyFile === '-' ? 0 : resolve(io.cwd, bodyFile));
  } catch (error) {
    throw new CommandError(`${bodyFile}: ${(error as Error).message}`, EXIT.file);
  }
}

/** What a client would have sent the body as. */
function guessType(bytes: Buffer): string {
  const first = bytes.toString('latin1', 0, 64).trimStart()[0];
  if (first === '{' || first === '[') return 'application/json';
  if (first === '<') return 'application/xml';
  return 'application/x-www-form-urlencoded';
}
