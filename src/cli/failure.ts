/** Ends a command with a message for the person who typed it, and exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
}
