/** The answers that openclaw gives itself. They name no server: that is for the log. */
import { FAULTS, type Fault } from '../http1/faults.ts';
import { FAILURES, type Failure } from './failures.ts';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

export interface Answer {
  status: number;
  /** The stable code of the failure or fault, for programs. */
  code: string;
  text: string;
  requestId: string;
  /** Further header lines, each with its CRLF. */
  headerLines: string;
}

/** @returns what a client is told of a failure or fault */
export function answerTo(code: Failure | Fault, requestId = '', headerLines = ''): Answer {
  if (code in FAULTS) {
    const [status, text] = FAULTS[code as Fault];
    return { status, code, text, requestId, headerLines };
  }
  const [, status, text] = FAILURES[code as Failure];
  return { status, code, text, requestId, headerLines };
}

export function reasonOf(status: number): string {
  return REASONS[status] ?? 'Error';
}

/** The text that people read. */
export function answerBody({ status, code, text, requestId }: Answer): string {
  const id = requestId === '' ? '' : `request id: ${requestId}\n`;
  return `${status} ${reasonOf(status)}\n${text} (${code})\n${id}`;
}

/** @returns head and body as they go to an HTTP/1 client */
export function answerText(
  answer: Answer,
  isHead: boolean,
  addedLines: string,
  dateLine: string,
): string {
  const { status } = answer;
  const reason = reasonOf(status);
  const body = answerBody(answer);
  const head =
    `HTTP/1.1 ${status} ${reason}\r\n${dateLine}Content-Type: text/plain; charset=utf-8\r\n` +
    `Content-Length: ${body.length}\r\nCache-Control: no-store\r\n${answer.headerLines}${addedLines}\r\n`;
  return isHead ? head : head + body;
}
