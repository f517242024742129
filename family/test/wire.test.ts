import { describe, expect, test } from 'vitest'
import { compactVerify, importJWK } from 'jose'

import { MAX_BYTES, WireError, fromJson, newKeys, publicKey, thumbprint, type OwnKeys } from '../src/seal'
import { askMessage, readConfirm, readInvitation } from '../src/pairing'
import { drillMessage, readAlert, readHealth, replyMessage, type Reader } from '../src/wire'
import golden from './golden.json'

const bytes = (text: string) => new TextEncoder().encode(text)
const curve = { namedCurve: 'P-256' }
const own = golden.contact_key as JsonWebKey

async function contactKeys(): Promise<OwnKeys> {
  const { d: _secret, ...open } = own
  const mine = publicKey(open)
  return {
    public: mine,
    kid: await thumbprint(mine),
    sign: await crypto.subtle.importKey('jwk', own, { name: 'ECDSA', ...curve }, false, ['sign']),
    open: await crypto.subtle.importKey('jwk', own, { name: 'ECDH', ...curve }, false, ['deriveBits']),
  }
}

const keys = await contactKeys()
const reader: Reader = { unit: golden.unit, unitKey: publicKey(golden.unit_key), contact: golden.contact, keys }

describe('messages of the box', () => {
  test('a whole alert is read', async () => {
    const alert = await readAlert(bytes(golden.alerts.whole), reader)
    expect(alert).toMatchObject({ id: '68f1c2-1', event: 'new', level: 'alert', at: 1_750_000_000_500, sequence: 7, drill: false })
    expect(alert.detail).toMatchObject({
      kind: '還付金があると言ってATMへ誘う詐欺',
      number: '0312345678',
      evidence: ['還付金', 'ATM'],
      receipt: 'the-receipt',
    })
  })

  test('an answer that this page does not know is not offered', async () => {
    const { detail } = await readAlert(bytes(golden.alerts.whole), reader)
    expect(detail?.choices).toEqual({ calling: 'nonce-1', false_alarm: 'nonce-2', hang_up: 'nonce-3' })
  })

  test('markup in what was said stays text', async () => {
    const { detail } = await readAlert(bytes(golden.alerts.whole), reader)
    expect(detail?.transcript.at(-1)).toEqual(['unknown', '<img src=x onerror="alert(1)"> & <script>alert(2)</script>'])
  })

  test.each(Object.entries(golden.alerts))('%s is taken', async (_name, payload) => {
    expect((await readAlert(bytes(payload), reader)).id).toBe('68f1c2-1')
  })

  test.each(Object.entries(golden.refused))('%s is refused', async (_name, payload) => {
    await expect(readAlert(bytes(payload), reader)).rejects.toThrow(WireError)
  })

  test('more than 64 kB are refused before they are parsed', () => {
    expect(() => fromJson(new Uint8Array(MAX_BYTES + 1))).toThrow(/larger/)
  })

  test('a report of health is read, and no alert is one', async () => {
    expect(await readHealth(bytes(golden.health), reader)).toEqual({
      ...{ hearing: 'deaf', reason: 'line', at: 1_750_000_000_500, sequence: 9, drillNonce: 'the-drill' },
    })
    await expect(readHealth(bytes(golden.alerts.whole), reader)).rejects.toThrow(WireError)
  })
})

describe('what this telephone says', () => {
  test('an answer is signed and names its nonce', async () => {
    const alert = await readAlert(bytes(golden.alerts.whole), reader)
    const message = fromJson(await replyMessage(reader, alert, 'calling', 'nonce-1'))
    const { payload, protectedHeader } = await compactVerify(message['signed'] as string, await importJWK(keys.public as never, 'ES256'))
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'denwaban-reply', kid: keys.kid })
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({
      ...{ v: 1, unit: 'box-1', contact: 'daughter', id: '68f1c2-1', sequence: 7, drill: false },
      ...{ reply: 'calling', nonce: 'nonce-1' },
    })
  })

  test('a drill is asked for with the nonce of the report', async () => {
    const health = await readHealth(bytes(golden.health), reader)
    const message = fromJson(await drillMessage(reader, health))
    const { payload } = await compactVerify(message['signed'] as string, await importJWK(keys.public as never, 'ES256'))
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({
      ...{ v: 1, unit: 'box-1', contact: 'daughter', id: 'health', sequence: 9, drill: false },
      ...{ reply: 'drill', nonce: 'the-drill' },
    })
  })

  test('its own keys cannot leave the browser', async () => {
    const fresh = await newKeys()
    for (const key of [fresh.sign, fresh.open]) {
      expect(key.extractable).toBe(false)
      await expect(crypto.subtle.exportKey('jwk', key)).rejects.toThrow()
    }
    expect(fresh.public).not.toHaveProperty('d')
  })
})

describe('pairing', () => {
  const { pairing } = golden
  const invitation = readInvitation(pairing.address)

  test('the address that opens the page and the bare one say the same', () => {
    expect(readInvitation(` ${pairing.bare}\n`)).toEqual(invitation)
    expect(invitation).toMatchObject({ url: 'wss://broker.example:8884/mqtt', username: 'daughter', password: 'a+b c' })
  })

  test.each([
    ['nothing', ''],
    ['the page alone', 'https://family.example/'],
    ['one without fields', 'denwaban:pair?v=1'],
    ['one of a later version', pairing.bare.replace('v=1', 'v=2')],
    ['another scheme', pairing.bare.replace('denwaban:', 'javascript:')],
    ['a unit that is no topic', pairing.bare.replace('u=box-1', 'u=a%2Fb')],
    ['a unit that is a filter', pairing.bare.replace('u=box-1', 'u=%23')],
    ['an open connection', pairing.bare.replace('wss%3A', 'ws%3A')],
    ['one without a WebSocket', pairing.bare.replace(/&w=[^&]*/, '')],
  ])('%s is no invitation', (_name, address) => {
    expect(() => readInvitation(address)).toThrow(WireError)
  })

  test('the box of the invitation is pinned', async () => {
    const paired = await readConfirm(bytes(pairing.confirm), invitation, keys)
    expect(paired.unitKey).toEqual(golden.unit_key)
  })

  test.each(['another box', 'another code', "another contact's key"] as const)('%s is refused', async (name) => {
    await expect(readConfirm(bytes(pairing[name]), invitation, keys)).rejects.toThrow(WireError)
  })

  test('the key goes out signed, with proof of the code and without its secret', async () => {
    const ask = fromJson(await askMessage(invitation, keys), 4096)
    expect(ask['jwk']).toEqual(keys.public)
    const { payload } = await compactVerify(ask['signed'] as string, await importJWK(keys.public as never, 'ES256'))
    expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ unit: 'box-1', contact: 'daughter', kid: keys.kid })
    expect(JSON.stringify(ask)).not.toContain(invitation.code)
  })
})
