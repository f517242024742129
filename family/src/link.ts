// The connection to the broker: MQTT 3.1.1 over a WebSocket.

import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'

import type { Invitation } from './pairing'
import type { Profile } from './store'
import { topics } from './wire'

const CONNECT_MS = 15_000
const CONFIRM_MS = 20_000
/** Browsers give a page in the background one tick a minute; the broker waits one and a half times this. */
const KEEPALIVE_S = 60
const SOON_MS = 1_000
const LATE_MS = 30_000
/** CONNACK: bad user name or password, not authorised (MQTT 3.1.1 §3.2.2.3). */
const REFUSED = [4, 5]

type Access = Pick<Profile | Invitation, 'username' | 'password'>

export interface Ears {
  alert(payload: Uint8Array): void
  health(payload: Uint8Array): void
  availability(payload: Uint8Array): void
  link(is: 'up' | 'down' | 'refused'): void
}

export interface Link {
  /** Resolves when the broker has it. */
  publish(payload: Uint8Array): Promise<void>
  /** Try again now, if it is down. */
  hurry(): void
  close(): void
}

/** Listen for one contact, again and again until closed. The broker keeps what comes while this telephone is away. */
export function listen(profile: Profile, ears: Ears): Link {
  const topic = topics(profile.unit, profile.contact)
  const clientId = `denwaban-${profile.unit}-contact-${profile.contact}`
  const client = mqtt.connect(profile.url, { ...options(profile), clientId, clean: false, reconnectPeriod: SOON_MS })
  let refused = false
  client.on('connect', () => {
    client.subscribe([topic.alert, topic.availability, topic.health], { qos: 1 }, (error, granted) => {
      const denied = error || granted?.some((one) => one.qos >= 128)
      if (!denied) client.options.reconnectPeriod = SOON_MS
      ears.link(denied ? 'refused' : 'up')
    })
  })
  client.on('message', (at, payload) => {
    if (at === topic.alert) ears.alert(payload)
    else if (at === topic.health) ears.health(payload)
    else if (at === topic.availability) ears.availability(payload)
  })
  client.on('error', (error) => {
    refused = REFUSED.includes((error as { code?: number }).code ?? 0)
  })
  client.on('close', () => {
    // Longer and longer, and not all telephones in the same second.
    const wait = client.options.reconnectPeriod ?? SOON_MS
    client.options.reconnectPeriod = Math.min(LATE_MS, wait * (1.5 + Math.random()))
    ears.link(refused ? 'refused' : 'down')
    refused = false
  })
  return {
    publish: (payload) => publish(client, topic.reply, payload),
    hurry: () => {
      client.options.reconnectPeriod = SOON_MS
      if (!client.connected) client.reconnect()
    },
    close: () => client.end(true),
  }
}

/** Hand over some messages beside the page's own connection. Rejects when the broker does not take them in time. */
export async function sendOnce(profile: Profile, payloads: Uint8Array[]): Promise<void> {
  const topic = topics(profile.unit, profile.contact)
  await briefly(profile.url, profile, async (client) => {
    for (const payload of payloads) await publish(client, topic.reply, payload)
  })
}

/** Pairing: send `ask` every two seconds until `heard` makes something of an answer. */
export async function askUntil<T>(
  invitation: Invitation,
  ask: Uint8Array,
  heard: (payload: Uint8Array) => Promise<T>,
  limitMs: number,
): Promise<T> {
  const topic = topics(invitation.unit, invitation.contact)
  return briefly(invitation.url, invitation, async (client) => {
    const answers: Promise<T>[] = []
    client.on('message', (_topic, payload) => {
      const answer = heard(payload)
      answer.catch(() => undefined) // looked at below
      answers.push(answer)
    })
    await client.subscribeAsync(topic.confirm, { qos: 1 })
    const until = Date.now() + limitMs
    for (let last: unknown = new Silence(); ; ) {
      await publish(client, topic.ask, ask)
      await pause(2000, () => answers.length > 0)
      for (let answer = answers.shift(); answer; answer = answers.shift()) {
        try {
          return await answer
        } catch (error) {
          last = error
        }
      }
      if (Date.now() > until) throw last
    }
  })
}

/** The box did not answer. */
export class Silence extends Error {}

/** The broker could not be reached, or did not let us in (`refused`). */
export class Unreachable extends Error {
  constructor(readonly refused: boolean) {
    super(refused ? 'the broker refused us' : 'the broker does not answer')
  }
}

async function briefly<T>(url: string, access: Access, work: (client: MqttClient) => Promise<T>): Promise<T> {
  const client = mqtt.connect(url, { ...options(access), clean: true, reconnectPeriod: 0 })
  try {
    return await Promise.race([ended(client), connected(client).then(() => work(client))])
  } finally {
    client.end(true)
  }
}

function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('connect', () => resolve()))
}

function ended(client: MqttClient): Promise<never> {
  return new Promise((_, reject) => {
    client.on('error', (error) => reject(new Unreachable(REFUSED.includes((error as { code?: number }).code ?? 0))))
    client.on('close', () => reject(new Unreachable(false)))
  })
}

function options(access: Access): IClientOptions {
  return {
    protocolVersion: 4,
    keepalive: KEEPALIVE_S,
    timerVariant: 'native', // the other way is a worker from a blob, which our content policy forbids
    connectTimeout: CONNECT_MS,
    queueQoSZero: false,
    ...(access.username === null ? {} : { username: access.username }),
    ...(access.password === null ? {} : { password: access.password }),
  }
}

function publish(client: MqttClient, topic: string, payload: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Unreachable(false)), CONFIRM_MS)
    client.publish(topic, payload as Buffer, { qos: 1 }, (error) => (error ? reject(error) : resolve()))
  })
}

function pause(ms: number, over: () => boolean): Promise<void> {
  const until = Date.now() + ms
  return new Promise((resolve) => {
    const look = () => (over() || Date.now() >= until ? resolve() : void setTimeout(look, 50))
    look()
  })
}
