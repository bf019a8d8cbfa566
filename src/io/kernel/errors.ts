import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

/**
 * The system's error as Node has it.
 *
 * @param errno above 0
 */
export function systemError(
  syscall: string,
  errno: number,
  where: { address?: string; port?: number } = {},
): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const message = `${syscall} ${code}: ${getSystemErrorMessage(-errno)}`;
  return Object.assign(new Error(message), { code, errno: -errno, syscall, ...where });
}
