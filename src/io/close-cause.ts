import type { CloseCause } from '../core/ports/stream.ts';
import { isShortage } from './shortage.ts';

/** Why a stream closed, by the error that its socket met. */
export function closeCauseOf(error: NodeJS.ErrnoException): CloseCause {
  if (isShortage(error)) return 'shortage';
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return 'refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'EADDRNOTAVAIL':
    case 'ETIMEDOUT':
      return 'unreachable';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'name_not_found';
    default:
      return error.code?.startsWith('ERR_TLS') ||
        error.code?.startsWith('ERR_SSL') ||
        error.code?.includes('CERT') ||
        error.code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
        ? 'tls_failed'
        : 'failed';
  }
}
