// The page's desk: keeps the state that the views show, listens, answers. One window listens at a time: the one in front.

import { listen, askUntil, type Link as Connection } from './link'
import { notice } from './notice'
import { askMessage, readConfirm, type Invitation } from './pairing'
import { pushMessage, pushState, renewed, subscribe, type PushState } from './push'
import { receive } from './receive'
import { WireError, newKeys } from './seal'
import { clockIsWrong, inOrder, newerHealth, type DrillAsked, type Link, type Story } from './state'
import type { Facts, Profile, Store } from './store'
import { drillMessage, readHealth, replyMessage, type Answer, type Health } from './wire'
import type { Language } from './words'

/** A box that shows its code answers within a second. */
const PAIR_MS = 15_000
const TICK_MS = 15_000

export interface State {
  profile: Profile | null
  language: Language
  stories: Story[]
  link: Link
  /** Another window of this telephone listens. */
  elsewhere: boolean
  available: boolean | null
  health: Health | null
  provenAt: number | null
  heardAt: number | null
  refused: number
  drillAsked: DrillAsked | null
  clockWrong: boolean
  telephone: string
  push: PushState
  /** The box has been told where to wake us. */
  pushTold: boolean
  /** The storage of this browser does not work: nothing counts as received. */
  broken: boolean
  /** The story that was asked for from outside, by a press on its notification. */
  wanted: string | null
  now: number
}

export class Desk {
  state: State
  private readonly watchers = new Set<() => void>()
  private readonly channel = new BroadcastChannel('denwaban')
  private connection: Connection | null = null
  private letGo: (() => void) | null = null
  private work: Promise<unknown> = Promise.resolve()
  private loading: Promise<void> = Promise.resolve()
  private flushing = false

  constructor(
    private readonly store: Store,
    private readonly registration: ServiceWorkerRegistration,
  ) {
    this.state = {
      ...{ profile: null, language: 'ja', stories: [], elsewhere: false, available: null, health: null },
      ...{ provenAt: null, heardAt: null, refused: 0, clockWrong: false, telephone: '', push: 'none', pushTold: true },
      ...{ broken: false, drillAsked: null, wanted: null, link: { is: 'connecting', since: Date.now() }, now: Date.now() },
    }
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  async start(): Promise<void> {
    await this.load()
    this.channel.onmessage = ({ data }) => {
      this.queue(() => this.load())
      if (data === 'outgoing') void this.flush()
    }
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible') return
      if (this.connection) this.connection.hurry()
      else this.listenHere()
    })
    addEventListener('online', () => this.connection?.hurry())
    setInterval(() => this.tick(), TICK_MS)
    if (document.visibilityState === 'visible') this.listenHere()
  }

  // --- what the views ask for

  /** Rejects with WireError, Silence or Unreachable. */
  async pair(invitation: Invitation): Promise<void> {
    const keys = await newKeys()
    const ask = await askMessage(invitation, keys)
    const paired = await askUntil(invitation, ask, (answer) => readConfirm(answer, invitation, keys), PAIR_MS)
    const { unit, contact, url, username, password } = invitation
    await this.store.pair({ unit, contact, url, username, password, keys, ...paired })
    this.connection?.close()
    this.connection = null
    this.set({ available: null, link: { is: 'connecting', since: Date.now() } })
    await this.load()
    this.listenHere()
  }

  async forget(): Promise<void> {
    this.connection?.close()
    this.connection = null
    await (await this.registration.pushManager?.getSubscription())?.unsubscribe()
    await this.store.forget()
    await this.load()
  }

  /** Keep the answer, and hand it over as soon as there is a connection. */
  answer(story: Story, answer: Answer): void {
    this.queue(async () => {
      const { profile } = this.state
      const nonce = story.latest.detail?.choices[answer]
      if (!profile || !nonce) return
      const payload = await replyMessage(profile, story.latest, answer, nonce)
      await this.store.answer({ answer, at: Date.now(), sent: false }, { story: story.id, answer, payload })
      await this.load()
      if (this.connection) void this.flush()
      else this.channel.postMessage('outgoing')
    })
  }

  /** Ask the box for a drill. False: the broker did not take it. */
  async askDrill(): Promise<boolean> {
    const { profile, health } = this.state
    if (!profile || !health || !this.connection) return false
    try {
      await this.connection.publish(await drillMessage(profile, health))
      await this.store.note('drillAsked', { nonce: health.drillNonce, at: Date.now() })
      return true
    } catch {
      return false
    } finally {
      await this.load()
    }
  }

  setAside(story: Story): void {
    this.queue(async () => {
      await this.store.change(story.id, (one) => ({ ...one, seen: true }))
      await this.load()
    })
  }

  keep<K extends keyof Facts>(name: K, value: Facts[K]): void {
    this.queue(async () => {
      await this.store.note(name, value)
      await this.load()
    })
  }

  /** To be called from a press. False: it did not work. */
  async allowPush(): Promise<boolean> {
    const { profile } = this.state
    if (!profile) return false
    try {
      const subscription = await subscribe(profile, this.registration)
      if (subscription) await this.tellPush(subscription)
      return true
    } catch {
      return false
    } finally {
      await this.load()
    }
  }

  /** Take the listening over from another window. */
  listenHere(): void {
    if (this.connection || !this.state.profile) return
    // The window that was listening is told by the rejection of its own request.
    const held = () => {
      this.connect()
      return new Promise<void>((resolve) => (this.letGo = resolve))
    }
    navigator.locks.request('denwaban-listen', { steal: true }, held).catch(() => {
      this.letGo = null
      this.connection?.close()
      this.connection = null
      this.set({ elsewhere: true })
    })
  }

  want(id: string | null): void {
    this.set({ wanted: id })
  }

  // --- listening

  private connect(): void {
    const { profile } = this.state
    if (!profile) return this.letGo?.()
    this.set({ elsewhere: false, link: { is: 'connecting', since: Date.now() } })
    this.connection = listen(profile, {
      alert: (payload) => this.queue(() => this.alert(payload)),
      health: (payload) => this.queue(() => this.health(payload)),
      availability: (payload) => this.set({ available: new TextDecoder().decode(payload) === 'online' }),
      link: (is) => this.linked(is),
    })
  }

  private linked(is: 'up' | 'down' | 'refused'): void {
    const { link } = this.state
    if (link.is !== is) this.set({ link: { is, since: Date.now() }, ...(is === 'up' ? {} : { available: null }) })
    if (is !== 'up') return
    this.queue(() => this.store.note('heardAt', Date.now()))
    void this.flush()
    void this.renewPush()
  }

  private async alert(payload: Uint8Array): Promise<void> {
    const { profile } = this.state
    if (!profile) return
    const got = await receive(this.store, profile, payload, false, Date.now())
    if (!got) return this.load()
    if (clockIsWrong(got.alert.at, Date.now()) !== this.state.clockWrong) {
      await this.store.note('clockWrong', !this.state.clockWrong)
    }
    if (got.fate === 'shown') await this.proven(got.alert.at)
    await this.load()
    this.channel.postMessage('changed')
    if (got.receipt) void this.connection?.publish(got.receipt).catch(() => undefined) // else the box asks again
    if (got.fate === 'shown' && got.story && document.visibilityState !== 'visible') await this.notify(got.story)
  }

  private async health(payload: Uint8Array): Promise<void> {
    const { profile, health } = this.state
    if (!profile) return
    try {
      const report = await readHealth(payload, profile)
      const newest = newerHealth(health, report)
      await this.store.note('health', newest)
      if (newest.hearing === 'well') await this.proven(newest.at)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      await this.store.countRefused()
    }
    await this.load()
  }

  private async proven(at: number): Promise<void> {
    if (at > (this.state.provenAt ?? 0)) await this.store.note('provenAt', at)
  }

  private async notify(story: Story): Promise<void> {
    if (globalThis.Notification?.permission !== 'granted') return
    await this.registration.showNotification(...notice(story, this.state.language))
  }

  /** Hand over what waits. What the broker does not confirm stays and is tried at the next connection. */
  private async flush(): Promise<void> {
    if (this.flushing) return
    this.flushing = true
    try {
      for (const one of await this.store.outgoing()) {
        if (!this.connection || this.state.link.is !== 'up') return
        await this.connection.publish(one.payload)
        await this.store.sent(one)
        await this.load()
      }
    } catch {
      // the connection ended: `linked` calls again
    } finally {
      this.flushing = false
    }
  }

  /** The browser may have changed the subscription, or the box its key. */
  private async renewPush(): Promise<void> {
    const { profile, push } = this.state
    if (!profile || push !== 'on') return
    try {
      const subscription = (await renewed(profile, this.registration)).toJSON()
      if (JSON.stringify(subscription) !== (await this.store.fact('pushTold'))) await this.tellPush(subscription)
    } catch {
      // the push service is away: tried at the next connection
    }
  }

  private async tellPush(subscription: PushSubscriptionJSON): Promise<void> {
    const { profile } = this.state
    if (!profile || !this.connection) throw new Error('not connected')
    await this.connection.publish(await pushMessage(profile, subscription, Date.now()))
    await this.store.note('pushTold', JSON.stringify(subscription))
    await this.load()
  }

  // --- the state

  /** One after the other: an older look at the storage must not end after a newer one. */
  private load(): Promise<void> {
    this.loading = this.loading.catch(() => undefined).then(() => this.look())
    return this.loading
  }

  private async look(): Promise<void> {
    const { store } = this
    const [profile, stories, language, health, provenAt, heardAt, refused, clockWrong, telephone, told, drillAsked] =
      await Promise.all([
        store.profile(),
        store.stories(),
        store.fact('language'),
        store.fact('health'),
        store.fact('provenAt'),
        store.fact('heardAt'),
        store.fact('refused'),
        store.fact('clockWrong'),
        store.fact('telephone'),
        store.fact('pushTold'),
        store.fact('drillAsked'),
      ])
    this.set({
      ...{ profile: profile ?? null, stories: inOrder(stories), language: language ?? 'ja', health: health ?? null },
      ...{ provenAt: provenAt ?? null, heardAt: heardAt ?? null, refused: refused ?? 0 },
      ...{ clockWrong: clockWrong ?? false, telephone: telephone ?? '', pushTold: told !== undefined },
      drillAsked: drillAsked ?? null,
      push: profile ? await pushState(profile, this.registration) : 'none',
      now: Date.now(),
    })
  }

  private tick(): void {
    this.set({ now: Date.now() })
    if (this.state.link.is === 'up') this.queue(() => this.store.note('heardAt', Date.now()))
  }

  /** One thing after the other. When the storage fails the page says so; the box asks again for its receipts. */
  private queue(job: () => Promise<unknown>): void {
    this.work = this.work.then(job).then(
      () => this.state.broken && this.set({ broken: false }),
      () => this.set({ broken: true }),
    )
  }

  private set(change: Partial<State>): void {
    this.state = { ...this.state, ...change }
    for (const watcher of this.watchers) watcher()
  }
}
