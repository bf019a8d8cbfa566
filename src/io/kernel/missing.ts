import { hasCalls } from './calls.ts';
import { ffi } from './ffi.ts';
import { hasOpenSsl } from './openssl/calls.ts';

/** The first Node.js with `node:ffi`. */
const FFI_SINCE = 26;

/** Why the kernel's calls cannot be made from here, a sentence; null: they can. */
export function kernelMissing(): string | null {
  const { node } = process.versions;
  if (process.platform !== 'linux') return 'this is not Linux';
  if (Number.parseInt(node, 10) < FFI_SINCE) return `Node.js ${node} has no node:ffi`;
  if (ffi === null) return 'node:ffi is switched off';
  if (process.permission?.has('ffi') === false) return 'Node.js was started without --allow-ffi';
  if (!hasCalls) return 'the C library lacks a function';
  return hasOpenSsl ? null : 'this Node.js does not export its OpenSSL';
}
