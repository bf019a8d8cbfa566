/**
 * For callbacks of timers that end what is late: they are called once the sockets were read.
 *
 * A process that was stopped, or a thread that was busy, for longer than a timeout finds both when it
 * goes on: the timer due, and the answer in the socket. Node runs timers first, then reads what has
 * come, then runs immediates. So the timer's work is put there: what came in time is never late.
 */
export function afterReads(call: () => void): () => void {
  return () => void setImmediate(call);
}
