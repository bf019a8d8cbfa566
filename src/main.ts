#!/usr/bin/env node
/**
 * The entry. A Node that is too old would fail at the first module that it does not know, and say
 * no more than that: nothing else is loaded before its version is known, and this file and the one
 * that it imports keep to what every Node with modules can read.
 */
import { whyTooOld } from './base/node-version.ts';

const why = whyTooOld(process.version);
if (why === '') {
  import('./cli/main.ts');
} else {
  process.stderr.write(why);
  process.exitCode = 1;
}
