// The service worker: keeps the page's files for when there is no network, and wakes this telephone by Web Push.

import { sendOnce } from './link'
import { notice } from './notice'
import { renewed, pushMessage } from './push'
import { receive } from './receive'
import { Store } from './store'
import { speaker } from './words'

declare const self: ServiceWorkerGlobalScope
/** Filled in by the build: the files of this version, and a name that changes with them. */
declare const FILES: { version: string; names: string[] }

const CACHE = `denwaban-${FILES.version}`

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES.names))
      .then(() => self.skipWaiting()),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name)
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || new URL(request.url).origin !== self.location.origin) return
  const page = request.mode === 'navigate'
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) => cache.match(page ? './' : request, { ignoreSearch: page }))
      .then((kept) => kept ?? fetch(request)),
  )
})

self.addEventListener('push', (event) => {
  event.waitUntil(pushed(new Uint8Array(event.data?.arrayBuffer() ?? new ArrayBuffer(0))))
})

self.addEventListener('pushsubscriptionchange', (event) => {
  ;(event as ExtendableEvent).waitUntil(renew())
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(show((event.notification.data as { id?: string } | null)?.id))
})

async function pushed(payload: Uint8Array): Promise<void> {
  const store = await Store.open()
  try {
    const [profile, language = 'ja'] = [await store.profile(), await store.fact('language')]
    const got = profile && (await receive(store, profile, payload, true, Date.now()))
    if (!profile || !got?.story) {
      // Each push must be followed by something to see. It says what is so, and no more.
      const say = speaker(language)
      await self.registration.showNotification(say('app'), { body: say('unreadable'), tag: 'unreadable', lang: language })
      return
    }
    await self.registration.showNotification(...notice(got.story, language))
    new BroadcastChannel('denwaban').postMessage('changed')
    if (got.receipt) await sendOnce(profile, [got.receipt]).catch(() => undefined) // the page sends it when it is opened
  } finally {
    store.close()
  }
}

async function renew(): Promise<void> {
  const store = await Store.open()
  try {
    const profile = await store.profile()
    if (!profile?.pushKey) return
    const subscription = (await renewed(profile, self.registration)).toJSON()
    await sendOnce(profile, [await pushMessage(profile, subscription, Date.now())])
    await store.note('pushTold', JSON.stringify(subscription))
  } finally {
    store.close()
  }
}

async function show(id: string | undefined): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages[0]
  if (!page) {
    await self.clients.openWindow(id ? `./#alert=${encodeURIComponent(id)}` : './')
    return
  }
  page.postMessage({ open: id })
  await page.focus()
}
