/** Node's own way to call C functions (`node:ffi`, Node 26), without the warning about it. */
import type * as Ffi from 'node:ffi';

type FfiModule = typeof Ffi;

/** @returns null where this Node has none, or may not use it */
function load(): FfiModule | null {
  const { emitWarning } = process;
  // That it is experimental is our concern, not the operator's: there is a way without it.
  process.emitWarning = () => {};
  try {
    return (process.getBuiltinModule('node:ffi' as 'node:os') as unknown as FfiModule) ?? null;
  } catch {
    return null;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Null where there is none: Node 24, or a permission model that forbids it. */
export const ffi: FfiModule | null = load();

/**
 * Functions of the process itself: of the C library, and of what Node's binary carries.
 *
 * @param definitions types of arguments and results by the function's name
 * @returns null where there is no `node:ffi`, or one of the functions is missing
 */
export function functionsOf<const T extends Ffi.FunctionDefinitions>(
  definitions: T,
): Ffi.DynamicLibraryResult<T>['functions'] | null {
  try {
    return ffi?.dlopen(null, definitions).functions ?? null;
  } catch {
    return null;
  }
}
