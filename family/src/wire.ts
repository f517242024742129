// The alert wire, version 1, as a contact reads and answers it: docs/wire.md. No network, no storage, no clock.

import { MAX_BYTES, WireError, decrypt, fromJson, sign, toJson, verify, type Json, type OwnKeys, type PublicKey } from './seal'

export const VERSION = 1

export const EVENTS = ['new', 'update', 'end'] as const
export const LEVELS = ['quiet', 'caution', 'alert'] as const
export const ANSWERS = ['calling', 'false_alarm', 'call_later', 'hang_up', 'ask_hang_up'] as const

export type AlertEvent = (typeof EVENTS)[number]
export type Level = (typeof LEVELS)[number]
export type Answer = (typeof ANSWERS)[number]

/** Whom this telephone listens to: what was pinned at pairing. */
export interface Reader {
  unit: string
  unitKey: PublicKey
  contact: string
  keys: OwnKeys
}

/** What was heard. Texts come from a speech recogniser: never markup, always text. */
export interface Detail {
  category: string
  kind: string
  number: string | null
  absence: string | null
  evidence: string[]
  transcript: [side: string, text: string][]
  advice: string
  receipt: string
  choices: Partial<Record<Answer, string>>
}

/** One message about an alert. `at`: milliseconds since the epoch, by the box's clock. */
export interface Alert {
  id: string
  event: AlertEvent
  level: Level
  at: number
  sequence: number
  drill: boolean
  detail: Detail | null
}

/** Whether the box hears the telephone line and follows calls. */
export interface Health {
  hearing: 'deaf' | 'well'
  /** What is or was out of order: `line`, or `speech`, the listening to calls. */
  reason: string
  at: number
  sequence: number
  /** The nonce to name when asking for a drill; empty: none can be asked for. */
  drillNonce: string
}

export const topics = (unit: string, contact: string) => {
  const base = `denwaban/v${VERSION}/${unit}`
  return {
    alert: `${base}/alert/${contact}`,
    availability: `${base}/availability`,
    health: `${base}/health`,
    reply: `${base}/reply/${contact}`,
    ask: `${base}/pair/${contact}`,
    confirm: `${base}/paired/${contact}`,
  }
}

/** A message of the contact's topic; WireError unless the pinned box wrote it, for this contact. */
export async function readAlert(payload: Uint8Array, reader: Reader): Promise<Alert> {
  const message = versioned(fromJson(payload))
  const body = versioned(await verify(reader.unitKey, 'denwaban-envelope', text(message, 'signed')))
  if (text(body, 'unit') !== reader.unit) throw new WireError('the envelope is of another box')
  const alert = {
    id: text(body, 'id'),
    event: oneOf(body, 'event', EVENTS),
    level: oneOf(body, 'level', LEVELS),
    at: time(body, 'at'),
    sequence: whole(body, 'sequence'),
    drill: flag(body, 'drill'),
  }
  const sealed = message['detail']
  if (sealed === undefined || sealed === null) return { ...alert, detail: null }
  const inner = await verify(reader.unitKey, 'denwaban-detail', await decrypt(reader.keys, text(message, 'detail')))
  const belongs = { v: VERSION, unit: reader.unit, id: alert.id, sequence: alert.sequence, contact: reader.contact }
  if (Object.entries(belongs).some(([name, value]) => inner[name] !== value)) {
    throw new WireError('the detail belongs to another alert or another contact')
  }
  return { ...alert, detail: readDetail(inner) }
}

/** A report of health; WireError unless the pinned box wrote it. */
export async function readHealth(payload: Uint8Array, reader: Reader): Promise<Health> {
  const message = versioned(fromJson(payload))
  const body = versioned(await verify(reader.unitKey, 'denwaban-health', text(message, 'signed')))
  if (text(body, 'unit') !== reader.unit) throw new WireError('the report is of another box')
  return {
    hearing: oneOf(body, 'hearing', ['deaf', 'well']),
    reason: text(body, 'reason'),
    at: time(body, 'at'),
    sequence: whole(body, 'sequence'),
    drillNonce: optional(body, 'drill_nonce') ?? '',
  }
}

/** A receipt or an answer, signed. `nonce`: the one that the box gave out for just this. */
export async function replyMessage(
  reader: Reader,
  about: Pick<Alert, 'id' | 'sequence' | 'drill'>,
  reply: Answer | 'received' | 'drill',
  nonce: string,
): Promise<Uint8Array> {
  const { id, sequence, drill } = about
  const body = { v: VERSION, unit: reader.unit, contact: reader.contact, id, sequence, reply, nonce, drill }
  return signedMessage(reader.keys, 'denwaban-reply', body)
}

/** That a drill of the box is wanted, signed: it names the nonce of that report. */
export function drillMessage(reader: Reader, { sequence, drillNonce }: Health): Promise<Uint8Array> {
  return replyMessage(reader, { id: 'health', sequence, drill: false }, 'drill', drillNonce)
}

/** `body` signed for one purpose, as a message. */
export async function signedMessage(keys: OwnKeys, purpose: string, body: Json, more: Json = {}): Promise<Uint8Array> {
  return toJson({ v: VERSION, ...more, signed: await sign(keys, purpose, body) })
}

function readDetail(body: Json): Detail {
  if (typeof body['score'] !== 'number') throw new WireError('score: want a number')
  const given = body['choices'] ?? {}
  if (typeof given !== 'object' || Array.isArray(given)) throw new WireError('choices: want an object')
  const choices: Partial<Record<Answer, string>> = {}
  for (const answer of ANSWERS) {
    const nonce = (given as Json)[answer]
    if (typeof nonce === 'string') choices[answer] = nonce
  }
  return {
    category: text(body, 'category'),
    kind: text(body, 'kind'),
    number: optional(body, 'number'),
    absence: optional(body, 'absence'),
    evidence: texts(body['evidence'], 'evidence'),
    transcript: list(body['transcript'], 'transcript').map(turn),
    advice: text(body, 'advice'),
    receipt: optional(body, 'receipt') ?? '',
    choices,
  }
}

function turn(value: unknown): [string, string] {
  const [side, said, ...more] = texts(value, 'transcript')
  if (side === undefined || said === undefined || more.length) throw new WireError('transcript: want [[side, text], …]')
  return [side, said]
}

function versioned(body: Json): Json {
  if (body['v'] !== VERSION) throw new WireError(`version ${String(body['v'])} of the wire; this page reads ${VERSION}`)
  return body
}

function text(body: Json, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value.length > MAX_BYTES) throw new WireError(`${name}: want text`)
  return value
}

function optional(body: Json, name: string): string | null {
  return body[name] === undefined || body[name] === null ? null : text(body, name)
}

function whole(body: Json, name: string): number {
  const value = body[name]
  if (!Number.isSafeInteger(value)) throw new WireError(`${name}: want a whole number`)
  return value as number
}

function flag(body: Json, name: string): boolean {
  const value = body[name]
  if (typeof value !== 'boolean') throw new WireError(`${name}: want true or false`)
  return value
}

function oneOf<T extends string>(body: Json, name: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === body[name])
  if (found === undefined) throw new WireError(`${name}: want ${allowed.join(', ')}`)
  return found
}

function list(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw new WireError(`${name}: want a list`)
  return value
}

function texts(value: unknown, name: string): string[] {
  const values = list(value, name)
  if (!values.every((one) => typeof one === 'string')) throw new WireError(`${name}: want texts`)
  return values as string[]
}

/** ISO 8601 with a time zone, as milliseconds. */
function time(body: Json, name: string): number {
  const value = text(body, name)
  const at = /(Z|[+-]\d\d:?\d\d)$/.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(at)) throw new WireError(`${name}: want a time with its zone`)
  return at
}
