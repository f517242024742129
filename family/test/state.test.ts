import { describe, expect, test } from 'vitest'

import { alarm, choices, clockIsWrong, drillStand, inOrder, newerHealth, sounds, standing, take, type Link, type Story } from '../src/state'
import type { Alert, Detail } from '../src/wire'

const MINUTE = 60_000
const NOW = 1_750_000_000_000

function alert(sequence: number, change: Partial<Alert> = {}, words: Partial<Detail> = {}): Alert {
  const detail: Detail = {
    ...{ category: 'refund', kind: '', number: null, absence: null, evidence: ['ATM'], advice: '', receipt: 'r' },
    ...{ transcript: [['far', 'ATMへ']] as [string, string][], choices: { calling: 'a', false_alarm: 'b', hang_up: 'c' } },
    ...words,
  }
  return { id: 'one', event: 'new', level: 'alert', at: NOW, sequence, drill: false, detail, ...change }
}

function after(...messages: [Alert, partial: boolean][]): Story {
  let story: Story | undefined
  const known = new Set<number>()
  for (const [message, partial] of messages) {
    story = take(story, known.has(message.sequence), message, partial, NOW).story
    known.add(message.sequence)
  }
  return story!
}

describe('taking a message in', () => {
  test('the first is shown', () => {
    expect(take(undefined, false, alert(1), false, NOW)).toMatchObject({ fate: 'shown', story: { came: NOW, seen: false } })
  })

  test('the same again changes nothing', () => {
    const story = after([alert(1), false])
    expect(take(story, true, alert(1), false, NOW)).toEqual({ fate: 'again', story })
  })

  test('one that a later message overtook changes nothing', () => {
    const story = after([alert(2), false])
    expect(take(story, false, alert(1), false, NOW)).toEqual({ fate: 'late', story })
  })

  test('what a push could not hold is filled in, whichever way it comes first', () => {
    const push = alert(1, {}, { transcript: [] })
    const filled = take(after([push, true]), true, alert(1), false, NOW)
    expect(filled.fate).toBe('filled')
    expect(filled.story).toMatchObject({ partial: false, latest: { detail: { transcript: [['far', 'ATMへ']] } } })
    const whole = after([alert(1), false])
    expect(take(whole, true, push, true, NOW)).toEqual({ fate: 'again', story: whole })
  })

  test('a push of later news keeps what was said before', () => {
    const story = after([alert(1), false], [alert(2, { event: 'update' }, { transcript: [] }), true])
    expect(story).toMatchObject({ partial: true, latest: { sequence: 2, detail: { transcript: [['far', 'ATMへ']] } } })
  })

  test('what grows worse is looked at again by who has put it aside', () => {
    const caution = { ...after([alert(1, { level: 'caution' }), false]), seen: true }
    expect(take(caution, false, alert(2), false, NOW).story?.seen).toBe(false)
    const known = { ...after([alert(1), false]), seen: true }
    expect(take(known, false, alert(2, { event: 'end' }), false, NOW).story?.seen).toBe(true)
  })
})

describe('the alarm', () => {
  test('is the newest that nobody has put aside, for a quarter of an hour by this clock', () => {
    const story = after([alert(1), false])
    const newer = { ...story, id: 'two', came: NOW + 1 }
    expect(alarm(inOrder([story, newer]), NOW + MINUTE)?.id).toBe('two')
    expect(alarm([{ ...newer, seen: true }, story], NOW + MINUTE)?.id).toBe('one')
    expect(alarm([story], NOW + 16 * MINUTE)).toBeUndefined()
  })

  test('a wrong clock of the box does not hide it', () => {
    expect(alarm([after([alert(1, { at: 0 }), false])], NOW + MINUTE)).toBeDefined()
  })

  test('a test message fills no screen', () => {
    expect(alarm([after([alert(1, { level: 'quiet', event: 'end' }), false])], NOW)).toBeUndefined()
  })

  test('sounds until it is answered or put aside; a caution does not', () => {
    const story = after([alert(1), false])
    expect(sounds(story)).toBe(true)
    expect(sounds({ ...story, given: [{ answer: 'calling', at: NOW, sent: false }] })).toBe(false)
    expect(sounds(after([alert(1, { level: 'caution' }), false]))).toBe(false)
  })
})

describe('what may be answered', () => {
  test('is what the box offers, the call first, each once', () => {
    const story = after([alert(1), false])
    expect(choices(story)).toEqual(['calling', 'hang_up', 'false_alarm'])
    expect(choices({ ...story, given: [{ answer: 'calling', at: NOW, sent: true }] })).toEqual(['hang_up', 'false_alarm'])
    expect(choices(after([alert(1, { detail: null }), false]))).toEqual([])
  })
})

describe('how the box is', () => {
  const up: Link = { is: 'up', since: NOW }
  const deaf = { hearing: 'deaf', reason: 'line', at: NOW, sequence: 3, drillNonce: '' } as const

  test('is told by the line, the broker and the box, in this order', () => {
    expect(standing({ is: 'down', since: NOW }, true, null, NOW)).toBe('unlinked')
    expect(standing({ is: 'refused', since: NOW }, null, null, NOW)).toBe('refused')
    expect(standing(up, null, null, NOW)).toBe('unknown')
    expect(standing(up, null, null, NOW + MINUTE)).toBe('away')
    expect(standing(up, false, deaf, NOW)).toBe('away')
    expect(standing(up, true, deaf, NOW)).toBe('deaf')
    expect(standing(up, true, { ...deaf, reason: 'speech' }, NOW)).toBe('unheard')
    expect(standing(up, true, { ...deaf, hearing: 'well' }, NOW)).toBe('listening')
  })

  test('an echo of an old report changes nothing; a box that lost its memory is heard', () => {
    expect(newerHealth(deaf, { ...deaf, hearing: 'well', at: NOW - 1, sequence: 2 })).toBe(deaf)
    expect(newerHealth(deaf, { ...deaf, hearing: 'well', at: NOW + 1, sequence: 1 }).hearing).toBe('well')
  })

  test('a time in the future means that a clock is wrong', () => {
    expect(clockIsWrong(NOW + 3 * MINUTE, NOW)).toBe(true)
    expect(clockIsWrong(NOW - 60 * MINUTE, NOW)).toBe(false)
  })
})

describe('a drill of the box', () => {
  const offer = { hearing: 'well', reason: 'line', at: NOW, sequence: 3, drillNonce: 'one' } as const
  const asked = { nonce: 'one', at: NOW }

  test('can be asked for where the box is connected and offers one', () => {
    expect(drillStand(true, offer, null, [], NOW)).toBe('ready')
    expect(drillStand(false, offer, null, [], NOW)).toBe('away')
    expect(drillStand(true, null, null, [], NOW)).toBe('none')
    expect(drillStand(true, { ...offer, drillNonce: '' }, null, [], NOW)).toBe('none')
  })

  test('is waited for, then not asked for again within ten minutes, nor with the same nonce', () => {
    const story = { ...after([alert(1, { drill: true }), false]), came: NOW + MINUTE }
    const renewed = { ...offer, drillNonce: 'two' }
    expect(drillStand(true, renewed, asked, [], NOW + MINUTE)).toBe('asked')
    expect(drillStand(true, renewed, asked, [story], NOW + 2 * MINUTE)).toBe('soon')
    expect(drillStand(true, renewed, null, [story], NOW + 2 * MINUTE)).toBe('soon')
    expect(drillStand(true, renewed, asked, [story], NOW + 12 * MINUTE)).toBe('ready')
    expect(drillStand(true, offer, asked, [story], NOW + 12 * MINUTE)).toBe('none')
  })
})
