/**
 * What OpenSSL asks in the middle of a handshake: which certificate, which protocol, what to staple,
 * which ticket key. An exception must not cross C: it is kept for who called, and the handshake
 * fails.
 */
import { randomBytes } from 'node:crypto';
import type { TicketKeys } from '../../../table/ticket-keys.ts';
import type { ContextsByName } from '../../tls/contexts-by-name.ts';
import { ffi } from '../ffi.ts';
import { CTRL, library } from './calls.ts';
import type { TlsMemory } from './memory.ts';
import type { SslContext } from './ssl-context.ts';

/** SSL_TLSEXT_ERR_*. */
const OK = 0;
const ALERT_FATAL = 2;
const NO_ACKNOWLEDGEMENT = 3;
/** What a ticket callback answers. */
const FULL_HANDSHAKE = 0;
const USE = 1;
/** The ticket is read, and the client gets a new one. */
const RENEW = 2;
const KEY_BYTES = 16;
/** TLSEXT_NAMETYPE_host_name. */
const HOST_NAME = 0;

/** What a handshake under way is asked for. */
export interface Shaking {
  readonly contexts: ContextsByName<SslContext>;
  readonly tickets: TicketKeys;
  /** ALPN: the protocols on offer, as they stand on the wire, the best first. */
  readonly alpn: Buffer;
}

/** The callbacks of one thread. */
export class ServerCallbacks {
  readonly #memory: TlsMemory;
  readonly #wallMs: () => number;
  /** Null outside of `during`. */
  #shaking: Shaking | null = null;
  #context: SslContext | null = null;
  #error: unknown = null;
  readonly #servername: bigint;
  readonly #alpn: bigint;
  readonly #status: bigint;
  readonly #ticketKey: bigint;

  /** @param wallMs milliseconds since 1970 */
  constructor(memory: TlsMemory, wallMs: () => number) {
    this.#memory = memory;
    this.#wallMs = wallMs;
    const register = library!.registerCallback.bind(library!);
    const [pointer, int] = ['u64', 'i32'] as const;
    this.#servername = register({ arguments: [pointer, pointer, pointer], return: int }, (ssl) =>
      this.#guarded((shaking) => this.#chooseContext(ssl, shaking), ALERT_FATAL),
    );
    this.#alpn = register(
      { arguments: [pointer, pointer, pointer, pointer, 'u32', pointer], return: int },
      (_ssl, out, outBytes, offered, offeredBytes) =>
        this.#guarded(
          ({ alpn }) => chooseProtocol(alpn, out, outBytes, offered, offeredBytes),
          ALERT_FATAL,
        ),
    );
    this.#status = register({ arguments: [pointer, pointer], return: int }, (ssl) =>
      this.#guarded((shaking) => this.#staple(ssl, shaking), NO_ACKNOWLEDGEMENT),
    );
    this.#ticketKey = register(
      { arguments: [pointer, pointer, pointer, pointer, pointer, int], return: int },
      (_ssl, name, iv, cipher, hmac, isNew) =>
        this.#guarded(
          ({ tickets }) =>
            isNew === 1
              ? this.#seal(tickets, name, iv, cipher, hmac)
              : this.#unseal(tickets, name, iv, cipher, hmac),
          FULL_HANDSHAKE,
        ),
    );
  }

  /** Has a context ask here. */
  register(context: SslContext, shaking: Shaking): void {
    const { calls } = this.#memory;
    const { address } = context;
    const { contexts } = shaking;
    calls.SSL_CTX_set_alpn_select_cb(address, this.#alpn, 0n);
    calls.SSL_CTX_callback_ctrl(address, CTRL.ticketKeyCallback, this.#ticketKey);
    if (contexts.areMany) {
      calls.SSL_CTX_callback_ctrl(address, CTRL.servernameCallback, this.#servername);
    }
    if (contexts.haveStaples) {
      calls.SSL_CTX_callback_ctrl(address, CTRL.statusCallback, this.#status);
    }
  }

  /**
   * Answers for one handshake. Call `end` after the call of OpenSSL.
   *
   * @param context the one that it goes on with
   */
  begin(shaking: Shaking, context: SslContext): void {
    this.#shaking = shaking;
    this.#context = context;
    this.#error = null;
  }

  /** @returns the context that was chosen. @throws what an answer has thrown */
  end(): SslContext {
    this.#shaking = null;
    const context = this.#context!;
    this.#context = null;
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
    return context;
  }

  #guarded(answer: (shaking: Shaking) => number, otherwise: number): number {
    try {
      return this.#shaking === null ? otherwise : answer(this.#shaking);
    } catch (error) {
      this.#error = error;
      return otherwise;
    }
  }

  #chooseContext(ssl: bigint, { contexts }: Shaking): number {
    const { calls } = this.#memory;
    const name = ffi!.toString(calls.SSL_get_servername(ssl, HOST_NAME));
    if (name === null) return NO_ACKNOWLEDGEMENT;
    const context = contexts.contextFor(name);
    if (context !== undefined) {
      calls.SSL_set_SSL_CTX(ssl, context.address);
      this.#context = context;
    }
    return OK;
  }

  #staple(ssl: bigint, { contexts }: Shaking): number {
    const response = contexts.stapleFor(this.#context!, this.#wallMs());
    if (response === undefined) return NO_ACKNOWLEDGEMENT;
    const { calls } = this.#memory;
    const bytes = Buffer.from(response);
    // OpenSSL frees it.
    const address = calls.CRYPTO_malloc(BigInt(bytes.length), 0n, 0);
    if (address === 0n) return NO_ACKNOWLEDGEMENT;
    ffi!.exportBuffer(bytes, address, bytes.length);
    calls.SSL_ctrl(ssl, CTRL.statusResponse, BigInt(bytes.length), address);
    return OK;
  }

  /** Tickets are as Node makes them: AES-128-CBC and HMAC with SHA-256, of 16 bytes each. */
  #seal(tickets: TicketKeys, name: bigint, iv: bigint, cipher: bigint, hmac: bigint): number {
    const { calls } = this.#memory;
    const key = tickets.current;
    const random = randomBytes(KEY_BYTES);
    ffi!.exportBuffer(key.name, name, KEY_BYTES);
    ffi!.exportBuffer(random, iv, KEY_BYTES);
    const aes = this.#word(key.aes);
    const isSealed =
      calls.EVP_EncryptInit_ex(cipher, calls.EVP_aes_128_cbc(), 0n, aes, iv) === 1 &&
      calls.HMAC_Init_ex(hmac, this.#word(key.hmac), KEY_BYTES, calls.EVP_sha256(), 0n) === 1;
    return isSealed ? USE : FULL_HANDSHAKE;
  }

  #unseal(tickets: TicketKeys, name: bigint, iv: bigint, cipher: bigint, hmac: bigint): number {
    const { calls } = this.#memory;
    const key = tickets.find(ffi!.toBuffer(name, KEY_BYTES));
    if (key === undefined) return FULL_HANDSHAKE;
    const mac = this.#word(key.hmac);
    const isRead =
      calls.HMAC_Init_ex(hmac, mac, KEY_BYTES, calls.EVP_sha256(), 0n) === 1 &&
      calls.EVP_DecryptInit_ex(cipher, calls.EVP_aes_128_cbc(), 0n, this.#word(key.aes), iv) === 1;
    if (!isRead) return FULL_HANDSHAKE;
    return key === tickets.current ? USE : RENEW;
  }

  /** OpenSSL copies keys within the call. */
  #word(key: Buffer): bigint {
    const { bytes, wordStart, wordAddress } = this.#memory;
    bytes.set(key, wordStart);
    return wordAddress;
  }
}

/** Ours in our order; a client that offers none of them is refused (RFC 7301 §3.2). */
function chooseProtocol(
  ours: Buffer,
  out: bigint,
  outBytes: bigint,
  offered: bigint,
  offeredBytes: number,
): number {
  const list = ffi!.toBuffer(offered, offeredBytes);
  for (let mine = 0; mine < ours.length; mine += 1 + ours[mine]!) {
    const wanted = ours.subarray(mine, mine + 1 + ours[mine]!);
    for (let at = 0; at < list.length; at += 1 + list[at]!) {
      if (!list.subarray(at, at + wanted.length).equals(wanted)) continue;
      // OpenSSL copies it from where the client's list has it.
      ffi!.setUint64(out, 0, offered + BigInt(at + 1));
      ffi!.setUint8(outBytes, 0, wanted.length - 1);
      return OK;
    }
  }
  return ALERT_FATAL;
}
