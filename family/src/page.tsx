// The page: which view is shown.

import { useEffect, useLayoutEffect, useState } from 'preact/hooks'

import type { Desk, State } from './desk'
import { alarm, type Story } from './state'
import type { Answer } from './wire'
import { Speech, speaker, useSpeech, type Say } from './words'
import { Now, StoryList } from './views/now'
import { Pair } from './views/pair'
import { Icon } from './views/parts'
import { Settings } from './views/settings'
import { Alarm, StoryPage } from './views/story'

type Tab = 'now' | 'history' | 'settings'
const TABS: Tab[] = ['now', 'history', 'settings']

export function Page({ desk }: { desk: Desk }) {
  const state = useDesk(desk)
  const [address, setAddress] = useState('')
  const [trial, setTrial] = useState<Story | null>(null)
  const say = speaker(state.language)
  useLayoutEffect(() => {
    const look = () => takeAddress(setAddress, (id) => desk.want(id))
    look()
    addEventListener('hashchange', look) // a code that is opened where the page is open already
    return () => removeEventListener('hashchange', look)
  }, [desk])
  useEffect(() => {
    document.documentElement.lang = state.language
    document.title = say('app')
  }, [state.language])
  const pairing = !state.profile || address !== ''
  const live = trial ?? (pairing ? undefined : alarm(state.stories, state.now))
  return (
    <Speech.Provider value={{ say, language: state.language }}>
      {live && (
        <Alarm
          key={live.id}
          story={live}
          telephone={trial ? '' : state.telephone}
          now={state.now}
          answer={(answer) => (trial ? setTrial(answered(trial, answer)) : desk.answer(live, answer))}
          aside={() => (trial ? setTrial(null) : desk.setAside(live))}
        />
      )}
      <div hidden={live !== undefined}>
        <Top desk={desk} />
        {pairing ? (
          <Pair
            address={address}
            setAddress={setAddress}
            paired={state.profile !== null}
            pair={async (invitation) => {
              await desk.pair(invitation)
              setAddress('')
            }}
            stop={address ? () => setAddress('') : null}
          />
        ) : (
          <Tabs desk={desk} state={state} tryAlarm={() => setTrial(sample(say))} />
        )}
      </div>
    </Speech.Provider>
  )
}

/** The invitation or the alert that the page is opened with. An invitation holds a secret: it leaves the address. */
function takeAddress(invited: (address: string) => void, alerted: (id: string) => void): void {
  const { hash, href } = location
  if (!hash) return
  history.replaceState(null, '', location.pathname)
  if (hash.startsWith('#pair?')) invited(href)
  const alert = new URLSearchParams(hash.slice(1)).get('alert')
  if (alert) alerted(alert)
}

function Top({ desk }: { desk: Desk }) {
  const { say, language } = useSpeech()
  const other = language === 'ja' ? 'en' : 'ja'
  return (
    <header class="top">
      <span class="brand">
        <Icon name="call" /> {say('app')}
      </span>
      <button type="button" class="language" lang={other} onClick={() => desk.keep('language', other)}>
        {say('language')}
      </button>
    </header>
  )
}

function Tabs({ desk, state, tryAlarm }: { desk: Desk; state: State; tryAlarm: () => void }) {
  const { say } = useSpeech()
  const [tab, setTab] = useState<Tab>('now')
  const open = (id: string | null) => desk.want(id)
  const story = state.stories.find(({ id }) => id === state.wanted)
  useEffect(() => scrollTo(0, 0), [tab, state.wanted])
  return (
    <>
      {state.wanted !== null && story && (
        <StoryPage
          story={story}
          telephone={state.telephone}
          now={state.now}
          answer={(answer) => desk.answer(story, answer)}
          back={() => open(null)}
        />
      )}
      {!story && tab === 'now' && <Now desk={desk} state={state} open={open} all={() => setTab('history')} />}
      {!story && tab === 'history' && (
        <main>
          <h1>{say('history')}</h1>
          <StoryList stories={state.stories} now={state.now} open={open} />
        </main>
      )}
      {!story && tab === 'settings' && <Settings desk={desk} state={state} tryAlarm={tryAlarm} />}
      <nav class="tabs" aria-label={say('menu')}>
        {TABS.map((one) => (
          <button
            type="button"
            key={one}
            {...(one === tab ? { 'aria-current': 'page' as const } : {})}
            onClick={() => {
              open(null)
              setTab(one)
            }}
          >
            <Icon name={one} /> {say(one)}
          </button>
        ))}
      </nav>
    </>
  )
}

function useDesk(desk: Desk): State {
  const [state, setState] = useState(desk.state)
  useEffect(() => desk.watch(() => setState(desk.state)), [desk])
  return state
}

/** What the alarm looks and sounds like; on this telephone only. */
function sample(say: Say): Story {
  const now = Date.now()
  const choices = { calling: '-', call_later: '-', false_alarm: '-' }
  const detail = {
    ...{ category: 'kin', kind: say('try_kind'), number: '050-0000-0000', absence: null, receipt: '', choices },
    ...{ evidence: ['カバンをなくした', '今日中にお金'], transcript: [], advice: say('try_advice') },
  }
  const latest = { id: 'trial', event: 'new', level: 'alert', at: now, sequence: 1, drill: true, detail } as const
  return { id: 'trial', latest, came: now, partial: false, given: [], seen: false }
}

function answered(story: Story, answer: Answer): Story {
  return { ...story, given: [...story.given, { answer, at: Date.now(), sent: true }] }
}
