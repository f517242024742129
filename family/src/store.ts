// What this telephone remembers, in IndexedDB; shared by the page and its service worker. A message is taken in, in one
// transaction: both may get the same one at the same time.

import { take, type DrillAsked, type Fate, type Given, type Story } from './state'
import type { PublicKey, OwnKeys } from './seal'
import type { Alert, Answer, Health } from './wire'

const NAME = 'denwaban'
const SCHEMA = 1
/** The box's outbox holds 2,000 messages. */
const MOST_KNOWN = 5000
const MOST_STORIES = 500

/** A pairing. The keys are CryptoKey objects that no script can read out. */
export interface Profile {
  unit: string
  unitKey: PublicKey
  contact: string
  keys: OwnKeys
  url: string
  username: string | null
  password: string | null
  pushKey: string | null
}

/** An answer that waits for the broker. */
export interface Outgoing {
  n?: number
  story: string
  answer: Answer
  payload: Uint8Array
}

/** Single facts, each under its name. */
export interface Facts {
  /** The household's number, for the button that dials it. */
  telephone: string
  language: 'ja' | 'en'
  health: Health
  available: boolean
  /** When the connection to the broker last stood. */
  heardAt: number
  /** The latest time at which the box signed that it hears the line. */
  provenAt: number
  refused: number
  /** The last drill that this telephone asked for. */
  drillAsked: DrillAsked
  clockWrong: boolean
  /** The push subscription that the box was told last. */
  pushTold: string
}

export class Store {
  constructor(private readonly db: IDBDatabase) {}

  static open(): Promise<Store> {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, SCHEMA)
      request.onupgradeneeded = () => {
        const db = request.result
        for (const name of ['profile', 'facts']) db.createObjectStore(name)
        db.createObjectStore('stories', { keyPath: 'id' }).createIndex('came', 'came')
        db.createObjectStore('known', { autoIncrement: true }).createIndex('pair', '', { unique: true })
        db.createObjectStore('outgoing', { keyPath: 'n', autoIncrement: true })
      }
      request.onsuccess = () => resolve(new Store(request.result))
      request.onerror = () => reject(request.error)
      request.onblocked = () => reject(new Error('another version of this page is open'))
    })
  }

  close(): void {
    this.db.close()
  }

  profile(): Promise<Profile | undefined> {
    return this.run(['profile'], 'readonly', (tx) => ask(tx.objectStore('profile').get('me')))
  }

  /** A new pairing begins with nothing of an old one but the household's number and the language. */
  pair(profile: Profile): Promise<void> {
    return this.run(['profile', 'stories', 'known', 'outgoing', 'facts'], 'readwrite', async (tx) => {
      for (const name of ['stories', 'known', 'outgoing']) tx.objectStore(name).clear()
      const facts = tx.objectStore('facts')
      for (const key of await ask(facts.getAllKeys())) if (key !== 'telephone' && key !== 'language') facts.delete(key)
      tx.objectStore('profile').put(profile, 'me')
    })
  }

  async forget(): Promise<void> {
    await this.run(['profile', 'stories', 'known', 'outgoing', 'facts'], 'readwrite', async (tx) => {
      for (const name of Array.from(tx.objectStoreNames)) tx.objectStore(name).clear()
    })
  }

  fact<K extends keyof Facts>(name: K): Promise<Facts[K] | undefined> {
    return this.run(['facts'], 'readonly', (tx) => ask(tx.objectStore('facts').get(name)))
  }

  async note<K extends keyof Facts>(name: K, value: Facts[K]): Promise<void> {
    await this.run(['facts'], 'readwrite', async (tx) => tx.objectStore('facts').put(value, name))
  }

  async countRefused(): Promise<void> {
    await this.run(['facts'], 'readwrite', async (tx) => {
      const facts = tx.objectStore('facts')
      facts.put((((await ask(facts.get('refused'))) as number | undefined) ?? 0) + 1, 'refused')
    })
  }

  stories(): Promise<Story[]> {
    return this.run(['stories'], 'readonly', (tx) => ask(tx.objectStore('stories').getAll()))
  }

  /** Durable when it resolves: only then the box may be told that this telephone has it. */
  take(alert: Alert, partial: boolean, now: number): Promise<{ fate: Fate; story: Story | undefined }> {
    return this.run(['stories', 'known'], 'readwrite', async (tx) => {
      const [stories, known] = [tx.objectStore('stories'), tx.objectStore('known')]
      const pair = `${alert.id} ${alert.sequence}`
      const before = (await ask(stories.get(alert.id))) as Story | undefined
      const had = (await ask(known.index('pair').getKey(pair))) !== undefined
      const taken = take(before, had, alert, partial, now)
      if (!had) known.add(pair)
      if (taken.story && taken.story !== before) stories.put(taken.story)
      await trim(known, MOST_KNOWN, known)
      await trim(stories, MOST_STORIES, stories.index('came'))
      return taken
    })
  }

  /** Change a story that is there. */
  change(id: string, how: (story: Story) => Story): Promise<Story | undefined> {
    return this.run(['stories'], 'readwrite', async (tx) => changed(tx, id, how))
  }

  /** Keep an answer until the broker has it. */
  async answer(given: Given, outgoing: Outgoing): Promise<void> {
    await this.run(['stories', 'outgoing'], 'readwrite', async (tx) => {
      tx.objectStore('outgoing').add(outgoing)
      await changed(tx, outgoing.story, (story) => ({ ...story, given: [...story.given, given] }))
    })
  }

  outgoing(): Promise<Outgoing[]> {
    return this.run(['outgoing'], 'readonly', (tx) => ask(tx.objectStore('outgoing').getAll()))
  }

  /** The broker has it. */
  async sent(outgoing: Outgoing): Promise<void> {
    await this.run(['stories', 'outgoing'], 'readwrite', async (tx) => {
      tx.objectStore('outgoing').delete(outgoing.n!)
      const done = (one: Given): Given => (one.answer === outgoing.answer ? { ...one, sent: true } : one)
      await changed(tx, outgoing.story, (story) => ({ ...story, given: story.given.map(done) }))
    })
  }

  private run<T>(names: string[], mode: IDBTransactionMode, work: (tx: IDBTransaction) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const tx = this.db.transaction(names, mode, { durability: 'strict' })
      let result: T
      tx.oncomplete = () => resolve(result)
      tx.onabort = () => reject(tx.error ?? new Error('the storage of this browser gave up'))
      work(tx).then(
        (value) => (result = value),
        (error: unknown) => {
          reject(error)
          tx.abort()
        },
      )
    })
  }
}

async function changed(tx: IDBTransaction, id: string, how: (story: Story) => Story): Promise<Story | undefined> {
  const before = (await ask(tx.objectStore('stories').get(id))) as Story | undefined
  if (!before) return undefined
  const after = how(before)
  tx.objectStore('stories').put(after)
  return after
}

/** Delete the oldest beyond `most`, in the order of `order`. */
async function trim(store: IDBObjectStore, most: number, order: IDBObjectStore | IDBIndex): Promise<void> {
  let surplus = (await ask(store.count())) - most
  const cursor = surplus > 0 ? order.openCursor() : null
  if (!cursor) return
  await new Promise<void>((resolve, reject) => {
    cursor.onerror = () => reject(cursor.error)
    cursor.onsuccess = () => {
      const at = cursor.result
      if (!at || surplus-- <= 0) return resolve()
      at.delete()
      at.continue()
    }
  })
}

function ask<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
