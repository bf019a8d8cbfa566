import { type BodyView, CLEAN, type Verdict, Waf } from '../src/waf/index.ts';
import { isContent } from './content.ts';
import type { World } from './world.ts';

const HIT: Verdict = Object.freeze({ score: 5, matches: Object.freeze([]), isHit: true });

/**
 * A firewall that knows an attack by the ledger. It stands where the real one does, so that what is
 * seen is the way of a request that waits for its verdict.
 */
export class SimWaf extends Waf {
  readonly #world: World;

  constructor(world: World, bodyBytesLimit: number) {
    const { sabotage } = world.network;
    super({ mode: sabotage.screensLate ? 'detect' : 'block', bodyBytesLimit });
    this.#world = world;
  }

  override inspectHead(): Verdict {
    return CLEAN;
  }

  override inspectBody({ target, bytes, isTruncated }: BodyView): Verdict {
    const { ledger, invariants } = this.#world;
    const request = ledger.requests.get(target.slice(1));
    if (request === undefined) return CLEAN;
    request.isScreened = true;
    const seen = Buffer.from(bytes);
    const isWhole = isTruncated || seen.length === request.bodyBytes;
    if (!isWhole || !isContent(request.key, 0, seen, 0, seen.length)) {
      const what = `the firewall saw ${seen.length} bytes of ${request.id} that are not its body`;
      invariants.fail('exactBody', what, request.connection);
    }
    return request.isAttack ? HIT : CLEAN;
  }

  override blocks(verdict: Verdict): boolean {
    return super.blocks(verdict) && !this.#world.network.sabotage.ignoresVerdict;
  }
}
