// Opens and makes sealed JSON: signed (JWS, ES256), encrypted to one contact (JWE, ECDH-ES+A256KW, A256GCM).
// Only these algorithms, only the compact form, only the header fields listed here: docs/wire.md.

import {
  CompactSign,
  calculateJwkThumbprint,
  compactDecrypt,
  compactVerify,
  decodeProtectedHeader,
  exportJWK,
  importJWK,
  type CompactJWSHeaderParameters,
  type JWK,
} from 'jose'

/** A message that is not what the wire wants. The text is for people who look for the cause, never for the family. */
export class WireError extends Error {}

export type Json = Record<string, unknown>

export const MAX_BYTES = 64 * 1024

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** A public P-256 key. */
export interface PublicKey {
  kty: 'EC'
  crv: 'P-256'
  x: string
  y: string
}

/** The contact's own keys; both halves of one P-256 key, neither can leave the browser. */
export interface OwnKeys {
  public: PublicKey
  kid: string
  sign: CryptoKey
  open: CryptoKey
}

/** A fresh key pair. WebCrypto ties a key to one use, so it is imported twice, and the copy that could leave is dropped. */
export async function newKeys(): Promise<OwnKeys> {
  const curve = { namedCurve: 'P-256' }
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', ...curve }, true, ['sign', 'verify'])
  const { d, ...rest } = await exportJWK(pair.privateKey)
  const bare = { ...rest, d: d! } as JsonWebKey
  const own = publicKey(rest)
  return {
    public: own,
    kid: await thumbprint(own),
    sign: await crypto.subtle.importKey('jwk', bare, { name: 'ECDSA', ...curve }, false, ['sign']),
    open: await crypto.subtle.importKey('jwk', bare, { name: 'ECDH', ...curve }, false, ['deriveBits']),
  }
}

/** A P-256 public key from JSON; a private key is refused, it does not belong on the wire. */
export function publicKey(value: unknown): PublicKey {
  const key = value as Partial<JWK> | null
  const whole = key?.kty === 'EC' && key.crv === 'P-256' && typeof key.x === 'string' && typeof key.y === 'string'
  if (!key || !whole || 'd' in key) throw new WireError('not a P-256 public key')
  return { kty: 'EC', crv: 'P-256', x: key.x!, y: key.y! }
}

/** RFC 7638, SHA-256. */
export function thumbprint(key: PublicKey): Promise<string> {
  return calculateJwkThumbprint(key as unknown as JWK)
}

/** Compact JWS of `body` for one purpose. */
export function sign(keys: OwnKeys, purpose: string, body: Json): Promise<string> {
  const header: CompactJWSHeaderParameters = { alg: 'ES256', typ: purpose, kid: keys.kid }
  return new CompactSign(encoder.encode(JSON.stringify(body))).setProtectedHeader(header).sign(keys.sign)
}

/** The body of a token that `key` signed for this purpose; WireError for anything else. */
export async function verify(key: PublicKey, purpose: string, token: string): Promise<Json> {
  const wanted = { alg: 'ES256', typ: purpose, kid: await thumbprint(key) }
  if (!sameHeader(header(token, 3), wanted)) throw new WireError(`not signed by this box as ${purpose}`)
  let payload: Uint8Array
  try {
    const imported = await importJWK(key as unknown as JWK, 'ES256')
    payload = (await compactVerify(token, imported, { algorithms: ['ES256'] })).payload
  } catch {
    throw new WireError('the signature is wrong')
  }
  return fromJson(payload)
}

/** The signed token inside; WireError when it is not for these keys or was tampered with. */
export async function decrypt(keys: OwnKeys, token: string): Promise<string> {
  const found = header(token, 5)
  const { epk, ...rest } = found
  // No "zip": a small message must not unpack into a large one.
  if (!epk || !sameHeader(rest, { alg: 'ECDH-ES+A256KW', enc: 'A256GCM', kid: keys.kid })) {
    throw new WireError('not encrypted to this telephone')
  }
  try {
    const { plaintext } = await compactDecrypt(token, keys.open, {
      keyManagementAlgorithms: ['ECDH-ES+A256KW'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    return decoder.decode(plaintext)
  } catch {
    throw new WireError('the encrypted part is damaged')
  }
}

/** A JSON object of at most `limit` bytes. */
export function fromJson(data: Uint8Array, limit = MAX_BYTES): Json {
  if (data.byteLength > limit) throw new WireError(`larger than ${limit} bytes`)
  let body: unknown
  try {
    body = JSON.parse(decoder.decode(data))
  } catch {
    throw new WireError('not JSON')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new WireError('not a JSON object')
  return body as Json
}

export function toJson(body: Json): Uint8Array {
  return encoder.encode(JSON.stringify(body))
}

function header(token: string, parts: number): Json {
  const form = new RegExp(`^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+){${parts - 1}}$`)
  if (token.length > MAX_BYTES || !form.test(token)) throw new WireError('not a compact token')
  try {
    return decodeProtectedHeader(token) as Json
  } catch {
    throw new WireError('not a token: the header is unreadable')
  }
}

function sameHeader(found: Json, wanted: Record<string, string>): boolean {
  const names = Object.keys(wanted)
  return Object.keys(found).length === names.length && names.every((name) => found[name] === wanted[name])
}
