/** For load programs that make a connection for one request: whether its answer came, and whole. */
import type { Duplex } from 'node:stream';

/** An answer of /small with its head. */
const ANSWER_CHARS_MAX = 4_096;

/** Calls back once: when the answer is whole, or when the connection ended before. */
export function onAnswer(socket: Duplex, done: (isWell: boolean) => void): void {
  let answer = '';
  const over = (isWell: boolean) => {
    socket.off('data', read);
    socket.off('close', lose);
    socket.destroy();
    done(isWell);
  };
  const lose = () => over(false);
  const read = (chunk: Buffer) => {
    answer += chunk.toString('latin1');
    if (isWhole(answer)) over(/^HTTP\/1\.1 2\d\d /.test(answer));
    else if (answer.length > ANSWER_CHARS_MAX) over(false);
  };
  socket.on('data', read);
  socket.once('close', lose);
  socket.on('error', () => {});
}

/** Whether the head has come, and as many characters after it as its Content-Length says. */
export function isWhole(answer: string): boolean {
  const headChars = answer.indexOf('\r\n\r\n') + 4;
  if (headChars === 3) return false;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, headChars))?.[1]);
  return answer.length >= headChars + length;
}
