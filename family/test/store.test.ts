import 'fake-indexeddb/auto'
import { beforeEach, expect, test } from 'vitest'

import { receive } from '../src/receive'
import { newKeys, publicKey } from '../src/seal'
import { Store, type Profile } from '../src/store'
import type { Alert } from '../src/wire'
import golden from './golden.json'

const NOW = 1_750_000_000_000
const keys = await newKeys()
const profile = {
  ...{ unit: golden.unit, contact: golden.contact, unitKey: publicKey(golden.unit_key), keys },
  ...{ url: 'wss://broker.example/', username: null, password: null, pushKey: null },
}
const alert: Alert = { id: 'one', event: 'new', level: 'alert', at: NOW, sequence: 1, drill: false, detail: null }

let store: Store
beforeEach(async () => {
  store = await Store.open()
  await store.forget()
})

test('what was taken in is known after a restart', async () => {
  await store.take(alert, false, NOW)
  store.close()
  store = await Store.open()
  expect((await store.take(alert, false, NOW)).fate).toBe('again')
  expect((await store.stories()).map(({ id }) => id)).toEqual(['one'])
})

test('page and service worker, at the same time, show a message once', async () => {
  const fates = await Promise.all([1, 2, 3].map(async () => (await store.take(alert, false, NOW)).fate))
  expect(fates.sort()).toEqual(['again', 'again', 'shown'])
})

test('an answer waits until the broker has it', async () => {
  await store.take(alert, false, NOW)
  await store.answer({ answer: 'calling', at: NOW, sent: false }, { story: 'one', answer: 'calling', payload: new Uint8Array([1]) })
  const [waiting] = await store.outgoing()
  expect((await store.stories())[0]?.given).toEqual([{ answer: 'calling', at: NOW, sent: false }])
  await store.sent(waiting!)
  expect(await store.outgoing()).toEqual([])
  expect((await store.stories())[0]?.given).toEqual([{ answer: 'calling', at: NOW, sent: true }])
})

test('five hundred alerts are kept, the newest', async () => {
  for (let n = 0; n < 505; n++) await store.take({ ...alert, id: `alert-${n}` }, false, NOW + n)
  const ids = (await store.stories()).map(({ id }) => id)
  expect(ids).toHaveLength(500)
  expect(ids).toContain('alert-504')
  expect(ids).not.toContain('alert-4')
})

test('what is not from our box is counted, and nothing else', async () => {
  const payload = new TextEncoder().encode(golden.refused['signed by another box'])
  expect(await receive(store, profile, payload, false, NOW)).toBeNull()
  expect(await store.fact('refused')).toBe(1)
  expect(await store.stories()).toEqual([])
})

test('a new pairing keeps the number and the language, and nothing of the old box', async () => {
  await store.take(alert, false, NOW)
  await store.note('telephone', '0312345678')
  await store.note('provenAt', NOW)
  // The browser keeps the keys themselves; this stand-in for its database cannot.
  await store.pair({ ...profile, keys: { kid: keys.kid } } as unknown as Profile)
  expect(await store.stories()).toEqual([])
  expect(await store.fact('provenAt')).toBeUndefined()
  expect(await store.fact('telephone')).toBe('0312345678')
  expect((await store.profile())?.unit).toBe('box-1')
})
