/** Tells the runner, in whose child it is, how the tests go. */

import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** What the runner hears. */
export type Said =
  | { readonly type: 'began'; readonly test: string }
  | { readonly type: 'passed'; readonly test: string }
  | { readonly type: 'skipped'; readonly test: string }
  | { readonly type: 'failed'; readonly test: string; readonly error: string }
  | { readonly type: 'done' };

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const said = whatToSay(event);
    if (said !== null) process.send?.(said);
    yield '';
  }
}

function whatToSay({ type, data }: TestEvent): Said | null {
  switch (type) {
    case 'test:dequeue':
      return { type: 'began', test: nameOf(data) };
    case 'test:pass':
      if (data.details.type === 'suite') return null;
      return { type: data.skip === undefined ? 'passed' : 'skipped', test: nameOf(data) };
    case 'test:fail': {
      const { error } = data.details;
      // The one below it has been told.
      if ('failureType' in error && error.failureType === 'subtestsFailed') return null;
      return { type: 'failed', test: nameOf(data), error: inspect(error.cause ?? error) };
    }
    case 'test:summary':
      return data.file === undefined ? { type: 'done' } : null;
    default:
      return null;
  }
}

function nameOf({ file, name }: { file?: string | undefined; name: string }): string {
  return file === undefined ? name : `${file}: ${name}`;
}
