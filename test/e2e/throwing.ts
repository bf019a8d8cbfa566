/** Loaded into a process under test by `--import`: some requests meet an error of our own. */
import { Exchange } from '../../src/core/exchange/exchange.ts';
import { Recorder } from '../../src/worker/recorder.ts';

const { tryNext, serverAnswered } = Exchange.prototype;
const { settled } = Recorder.prototype;

Exchange.prototype.tryNext = function (...given) {
  tryNext.apply(this, given);
  if (this.requestLine.includes(' /throws/request')) throw new Error('made for a test: request');
};

Exchange.prototype.serverAnswered = function (...given) {
  if (this.requestLine.includes(' /throws/answer')) throw new Error('made for a test: answer');
  serverAnswered.apply(this, given);
};

Recorder.prototype.settled = function (exchange, ...rest) {
  settled.call(this, exchange, ...rest);
  if (exchange.requestLine.includes(' /throws/record')) throw new Error('made for a test: record');
};
