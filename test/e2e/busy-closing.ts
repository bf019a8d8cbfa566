/**
 * Loaded into a process under test by `--import`: data threads have much to do just before they
 * accept no more, and who connects meanwhile is not accepted by them.
 */
import net from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { KernelListener } from '../../src/io/kernel/listener.ts';

const BUSY_MS = 300;

function beBusy(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
}

if (!isMainThread) {
  const { close } = net.Server.prototype;
  net.Server.prototype.close = function (...given) {
    beBusy();
    return close.apply(this, given);
  };
  const { leave } = KernelListener.prototype;
  KernelListener.prototype.leave = function () {
    beBusy();
    leave.call(this);
  };
}
