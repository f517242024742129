import { describe, expect, test } from 'vitest'

import { notice } from '../src/notice'
import type { Story } from '../src/state'
import { WORDS, clock, speaker, telephone, tongue } from '../src/words'

const holes = (text: string) => text.match(/\{\}/g)?.length ?? 0

test('every sentence takes the same values in both languages', () => {
  for (const [word, [ja, en]] of Object.entries(WORDS)) expect(holes(ja), word).toBe(holes(en))
})

test('numbers of Japan are written as people write them, others as they came', () => {
  expect(telephone('0312345678')).toBe('03-1234-5678')
  expect(telephone('05012345678')).toBe('050-1234-5678')
  expect(telephone('0120444113')).toBe('0120-444-113')
  expect(telephone('0451234567')).toBe('0451234567')
  expect(telephone('+8613800138000')).toBe('+8613800138000')
})

test('a time is told from today', () => {
  const now = new Date(2026, 10, 26, 9, 14).getTime()
  const say = speaker('ja')
  expect(clock(now, now, 'ja', say)).toBe('今日 9:14')
  expect(clock(new Date(2026, 10, 25, 23, 59).getTime(), now, 'ja', say)).toBe('昨日 23:59')
  expect(clock(new Date(2026, 10, 3, 8, 0).getTime(), now, 'ja', say)).toBe('11月3日 8:00')
})

test('a text is read out in its own language', () => {
  expect(tongue('還付金')).toBe('ja')
  expect(tongue('refund at the ATM')).toBe('en')
})

describe('a notification', () => {
  const detail = {
    ...{ category: 'police', kind: '警察官や検事を名乗る詐欺', number: '05012345678', absence: null, receipt: '' },
    ...{ evidence: ['一', '二', '三', '四'], transcript: [], advice: '', choices: {} },
  }
  const latest = { id: 'one', event: 'new', level: 'alert', at: 0, sequence: 1, drill: false, detail } as const
  const story: Story = { id: 'one', latest, came: 0, partial: false, given: [], seen: false }

  test('says what it is and the strongest words, and no number on a locked screen', () => {
    const [title, { body, tag }] = notice(story, 'ja')
    expect(title).toBe('詐欺の疑いのある電話')
    expect(body).toBe('警察官や検事を名乗る詐欺\n「一」 「二」 「三」')
    expect(tag).toBe('one')
  })

  test('of a drill is marked', () => {
    expect(notice({ ...story, latest: { ...latest, drill: true } }, 'ja')[0]).toBe('【訓練】詐欺の疑いのある電話')
  })

  test('of a call for help is none of a scam', () => {
    const help = { ...latest, detail: { ...detail, category: 'help', evidence: [] } }
    expect(notice({ ...story, latest: help }, 'ja')[0]).toBe('家の人が呼んでいます')
  })
})
