// What the page knows, and how it changes. Pure: no clock, no storage, no network.

import type { Alert, Answer, Health, Level } from './wire'

/** An answer of ours. `sent`: the broker has it. */
export interface Given {
  answer: Answer
  at: number
  sent: boolean
}

/** One alert, as far as it has come. `came`: when its first message came, by this telephone's clock. */
export interface Story {
  id: string
  latest: Alert
  came: number
  /** The latest message came by push only: what was said is still to come. */
  partial: boolean
  given: Given[]
  /** Somebody has looked at it and put it aside. */
  seen: boolean
}

/** What became of a message. */
export type Fate = 'shown' | 'filled' | 'again' | 'late'

/** The box listens to a call for no longer. */
const CALL_MS = 2 * 60 * 60_000
const ALARM_MS = 15 * 60_000
const ALARM_DRILL_MS = 5 * 60_000
/** By so much the box's time may lie ahead before one of the two clocks is wrong. */
const CLOCK_MS = 2 * 60_000

/** Take a message in. The story is new or changed when the fate is `shown` or `filled`. */
export function take(
  story: Story | undefined,
  known: boolean,
  alert: Alert,
  partial: boolean,
  now: number,
): { fate: Fate; story: Story | undefined } {
  if (story && alert.sequence === story.latest.sequence && story.partial && !partial) {
    return { fate: 'filled', story: { ...story, latest: alert, partial: false } }
  }
  if (known) return { fate: 'again', story }
  if (story && alert.sequence <= story.latest.sequence) return { fate: 'late', story }
  const fresh: Story = { id: alert.id, latest: alert, came: now, partial, given: [], seen: false }
  if (!story) return { fate: 'shown', story: fresh }
  // What grows worse is looked at again, even by who has put it aside.
  const worse = alert.level === 'alert' && story.latest.level !== 'alert'
  return { fate: 'shown', story: { ...story, latest: keepWords(alert, story.latest), partial, seen: story.seen && !worse } }
}

/** A push holds no transcript; what an earlier message told is better than nothing. */
function keepWords(alert: Alert, before: Alert): Alert {
  if (!alert.detail || !before.detail || alert.detail.transcript.length) return alert
  return { ...alert, detail: { ...alert.detail, transcript: before.detail.transcript } }
}

/** The alert that fills the screen now: the newest that nobody has put aside. */
export function alarm(stories: readonly Story[], now: number): Story | undefined {
  return stories.find(({ seen, came, latest }) => {
    const age = now - came
    return !seen && latest.level !== 'quiet' && age < (latest.drill ? ALARM_DRILL_MS : ALARM_MS)
  })
}

/** Whether it shall sound: until it is put aside or answered, and the call is one to act on. */
export function sounds(story: Story): boolean {
  return story.latest.level === 'alert' && story.given.length === 0 && !story.seen
}

export type Face = Level | 'help'

/** As what it is shown: a call for help is no call of a stranger. */
export function face({ latest }: Story): Face {
  return latest.detail?.category === 'help' ? 'help' : latest.level
}

/** Whether the call is going on, as far as anybody knows: a box that loses its power never says that it is over. */
export function goesOn({ latest, came }: Story, now: number): boolean {
  return latest.event !== 'end' && now - came < CALL_MS
}

/** Newest first. */
export function inOrder(stories: Iterable<Story>): Story[] {
  return [...stories].sort((a, b) => b.came - a.came || b.latest.sequence - a.latest.sequence)
}

/** What may be answered to it now, in the order of the buttons. */
export function choices(story: Story): Answer[] {
  const offered = story.latest.detail?.choices ?? {}
  const order: Answer[] = ['calling', 'hang_up', 'ask_hang_up', 'call_later', 'false_alarm']
  return order.filter((answer) => offered[answer] && !story.given.some((one) => one.answer === answer))
}

/** The newer of two reports; an echo of an old one changes nothing. */
export function newerHealth(before: Health | null, health: Health): Health {
  return before && health.sequence <= before.sequence && health.at <= before.at ? before : health
}

/** One of the two clocks is wrong: what was just written lies in the future. */
export function clockIsWrong(at: number, now: number): boolean {
  return at - now > CLOCK_MS
}

/** So long after connecting the broker has told what it knows. */
const SILENT_MS = 15_000

/** The connection to the broker. `since`: when it became so. */
export type Link =
  | { is: 'connecting'; since: number }
  | { is: 'up'; since: number }
  | { is: 'down'; since: number }
  | { is: 'refused'; since: number }

/** How the box is, in one word. */
export type Standing = 'unlinked' | 'refused' | 'unknown' | 'away' | 'deaf' | 'unheard' | 'listening'

export function standing(link: Link, available: boolean | null, health: Health | null, now: number): Standing {
  if (link.is === 'refused') return 'refused'
  if (link.is !== 'up') return 'unlinked'
  // The broker keeps the last word of a box. One that has none to tell has never been there.
  if (available === null) return now - link.since < SILENT_MS ? 'unknown' : 'away'
  if (!available) return 'away'
  if (health?.hearing !== 'deaf') return 'listening'
  return health.reason === 'speech' ? 'unheard' : 'deaf'
}

/** A drill that this telephone asked for, and by which nonce. */
export interface DrillAsked {
  nonce: string
  at: number
}

/** The box runs no more than one drill in so long. */
const DRILL_MS = 10 * 60_000

/** Whether a drill of the box can be asked for now, and else why not. */
export type DrillStand = 'ready' | 'asked' | 'soon' | 'away' | 'none'

export function drillStand(
  connected: boolean,
  health: Health | null,
  asked: DrillAsked | null,
  stories: readonly Story[],
  now: number,
): DrillStand {
  const came = stories.filter(({ latest }) => latest.drill && latest.level !== 'quiet').map((story) => story.came)
  const latest = Math.max(0, ...came)
  if (asked && now - asked.at < DRILL_MS) return latest > asked.at ? 'soon' : 'asked'
  if (now - latest < DRILL_MS) return 'soon'
  if (!connected) return 'away'
  return health?.drillNonce && health.drillNonce !== asked?.nonce ? 'ready' : 'none'
}
