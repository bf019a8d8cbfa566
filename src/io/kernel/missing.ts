import { hasCalls } from './calls.ts';
import { ffi } from './ffi.ts';
import { hasOpenSsl } from './openssl/engine.ts';

/** Why the kernel's calls cannot be made from here, a sentence; null: they can. */
export function kernelMissing(): string | null {
  if (process.platform !== 'linux') return 'it is part of Linux';
  if (ffi === null) return `Node.js ${process.versions.node} has no node:ffi, 26 has`;
  if (!hasCalls) return 'the C library lacks a function';
  return hasOpenSsl ? null : 'this Node.js does not export its OpenSSL';
}
