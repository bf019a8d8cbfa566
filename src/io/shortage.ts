import { networkInterfaces } from 'node:os';

const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * Whether a connection was not opened because this machine, or this process, lacked a descriptor, a
 * port or memory for it. It says nothing about the server.
 */
export function isShortage(error: NodeJS.ErrnoException): boolean {
  const { code = '' } = error;
  if (code !== 'EADDRNOTAVAIL') return SHORTAGES.has(code);
  // All local ports to that address are taken; but Linux says the same of an IPv6 address where the
  // machine has no IPv6, and that lasts.
  const { address = '' } = error as { address?: string };
  return !address.includes(':') || hasIpv6();
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((all) =>
    all?.some(({ family }) => family === 'IPv6'),
  );
}
