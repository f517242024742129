// Web Push: the browser's own push service wakes this telephone when the page is closed. RFC 8030, RFC 8292.

import type { Profile } from './store'
import { VERSION, signedMessage } from './wire'

export type PushState = 'on' | 'off' | 'denied' | 'unsupported' | 'install' | 'none'

export function onIphone(): boolean {
  return /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1)
}

export function installed(): boolean {
  return matchMedia('(display-mode: standalone)').matches || (navigator as { standalone?: boolean }).standalone === true
}

export async function pushState(profile: Profile, registration: ServiceWorkerRegistration): Promise<PushState> {
  if (!profile.pushKey) return 'none'
  if (onIphone() && !installed()) return 'install'
  if (!('pushManager' in registration) || !('Notification' in globalThis)) return 'unsupported'
  if (Notification.permission === 'denied') return 'denied'
  return Notification.permission === 'granted' && (await registration.pushManager.getSubscription()) ? 'on' : 'off'
}

/** Ask the browser. To be called from a press. Null: the person said no. Rejects when the push service is away. */
export async function subscribe(
  profile: Profile,
  registration: ServiceWorkerRegistration,
): Promise<PushSubscriptionJSON | null> {
  if ((await Notification.requestPermission()) !== 'granted') return null
  return (await renewed(profile, registration)).toJSON()
}

/** The present subscription, made anew when the box has another key by now. */
export async function renewed(profile: Profile, registration: ServiceWorkerRegistration): Promise<PushSubscription> {
  const key = bytes(profile.pushKey!)
  const before = await registration.pushManager.getSubscription()
  if (before && !same(before.options?.applicationServerKey, key)) await before.unsubscribe()
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
}

/** Tells the box where to wake us. `at` rises, so that an old one that is sent again changes nothing. */
export function pushMessage(profile: Profile, { endpoint, keys }: PushSubscriptionJSON, at: number): Promise<Uint8Array> {
  const { unit, contact } = profile
  const { p256dh, auth } = keys ?? {}
  return signedMessage(profile.keys, 'denwaban-push', { v: VERSION, unit, contact, at, endpoint, p256dh, auth })
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

function same(found: ArrayBuffer | null | undefined, wanted: Uint8Array): boolean {
  if (!found) return true // a browser that does not say
  const other = new Uint8Array(found)
  return other.length === wanted.length && other.every((byte, n) => byte === wanted[n])
}
