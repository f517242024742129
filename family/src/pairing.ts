// Pairing: this telephone and the box learn each other's keys by a code that only the two have seen. docs/wire.md.

import { WireError, fromJson, publicKey, thumbprint, verify, type OwnKeys, type PublicKey } from './seal'
import { VERSION, signedMessage } from './wire'

const MAX_BYTES = 4096
const NAME = /^[^/+#$\x00-\x20\x7f-\x9f]{1,64}$/u

/** What the QR code says. */
export interface Invitation {
  unit: string
  unitKid: string
  contact: string
  code: string
  /** The broker's WebSocket. */
  url: string
  username: string | null
  password: string | null
}

/** What both sides know after pairing. `pushKey`: public VAPID key of the box, if it sends Web Push. */
export interface Paired {
  unitKey: PublicKey
  pushKey: string | null
}

/** Everything after `pair?` of the address that the box shows; WireError for anything else. */
export function readInvitation(address: string): Invitation {
  const [before, query] = splitOnce(address.trim(), 'pair?')
  const fields = new URLSearchParams(query)
  const [unit, unitKid, contact, code, url] = ['u', 'k', 'c', 's', 'w'].map((name) => fields.get(name) ?? '')
  const whole = (before === 'denwaban:' || before.endsWith('#')) && fields.get('v') === String(VERSION)
  if (!whole || !NAME.test(unit!) || !NAME.test(contact!) || !unitKid || !code) throw new WireError('not an invitation')
  return { unit, unitKid, contact, code, url: broker(url!), username: fields.get('n'), password: fields.get('a') } as Invitation
}

/** This telephone's public key for the box. */
export async function askMessage(invitation: Invitation, keys: OwnKeys): Promise<Uint8Array> {
  const { unit, contact } = invitation
  const body = { v: VERSION, unit, contact, kid: keys.kid, mac: await mac(invitation, 'denwaban-pair', keys.kid) }
  return signedMessage(keys, 'denwaban-pair', body, { jwk: keys.public })
}

/** The box's keys; WireError unless it is the box of the invitation and has taken ours. */
export async function readConfirm(payload: Uint8Array, invitation: Invitation, keys: OwnKeys): Promise<Paired> {
  const message = fromJson(payload, MAX_BYTES)
  const token = message['signed']
  if (message['v'] !== VERSION || typeof token !== 'string') throw new WireError('not a pairing message')
  const unitKey = publicKey(message['jwk'])
  const body = await verify(unitKey, 'denwaban-paired', token)
  const { unit, contact } = invitation
  if (body['unit'] !== unit || body['contact'] !== contact || body['kid'] !== keys.kid) {
    throw new WireError('the pairing message is for somebody else')
  }
  if (body['mac'] !== (await mac(invitation, 'denwaban-paired', keys.kid))) throw new WireError('the code is wrong')
  if ((await thumbprint(unitKey)) !== invitation.unitKid) throw new WireError('another box answers')
  const push = body['push']
  return { unitKey, pushKey: typeof push === 'string' && push ? push : null }
}

async function mac(invitation: Invitation, purpose: string, contactKid: string): Promise<string> {
  const encoder = new TextEncoder()
  const said = [purpose, invitation.unit, invitation.unitKid, invitation.contact, contactKid].join('\n')
  const hash = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(invitation.code), hash, false, ['sign'])
  const made = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(said)))
  return Array.from(made, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Encrypted, or on this very machine: a page of a secure origin may open nothing else. */
function broker(address: string): string {
  let url: URL
  try {
    url = new URL(address)
  } catch {
    throw new WireError('the invitation names no WebSocket of the broker')
  }
  const local = url.hostname === 'localhost' || url.hostname === '127.0.0.1'
  if (url.protocol !== 'wss:' && !(url.protocol === 'ws:' && local)) throw new WireError('the broker is not encrypted')
  return url.href
}

function splitOnce(text: string, at: string): [string, string] {
  const place = text.indexOf(at)
  return place < 0 ? [text, ''] : [text.slice(0, place), text.slice(place + at.length)]
}
