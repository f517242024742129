// What is done with a message, the same in the page and in its service worker.

import type { Fate, Story } from './state'
import { WireError } from './seal'
import type { Store } from './store'
import { readAlert, replyMessage, type Alert, type Reader } from './wire'

export interface Received {
  fate: Fate
  alert: Alert
  story: Story | undefined
  /** The signed receipt to send back, if the box wants one. */
  receipt: Uint8Array | null
}

/** Take a message in. Null: it is not from our box, or not for us; it is counted and nothing else happens. */
export async function receive(
  store: Store,
  reader: Reader,
  payload: Uint8Array,
  partial: boolean,
  now: number,
): Promise<Received | null> {
  let alert: Alert
  try {
    alert = await readAlert(payload, reader)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    await store.countRefused()
    return null
  }
  const { fate, story } = await store.take(alert, partial, now)
  const nonce = alert.detail?.receipt
  return { fate, alert, story, receipt: nonce ? await replyMessage(reader, alert, 'received', nonce) : null }
}
