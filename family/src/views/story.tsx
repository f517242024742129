// One alert: what it is, what to do, what may be answered, the words that counted.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

import { soundIsAllowed, startAlarm } from '../alarm'
import { choices, face, goesOn, sounds, type Face, type Story } from '../state'
import type { Answer, Detail } from '../wire'
import { clock, telephone as written, tongue, useSpeech, type Say } from '../words'
import { Ask, Facts, Icon, type IconName } from './parts'

export interface StoryProps {
  story: Story
  telephone: string
  now: number
  answer: (answer: Answer) => void
}

/** The live alert: it fills the screen, sounds and shakes until it is answered or put aside. */
export function Alarm(props: StoryProps & { aside: () => void }) {
  const { say } = useSpeech()
  const { story } = props
  const [silent, setSilent] = useState(false)
  const title = useRef<HTMLDivElement>(null)
  const loud = sounds(story) && !silent
  useEffect(() => (loud ? startAlarm() : undefined), [loud])
  useEffect(() => title.current?.focus(), [])
  return (
    <div
      class={`alarm ${story.latest.level}`}
      role="alertdialog"
      aria-modal="true"
      aria-labelledby="story-title"
      tabIndex={-1}
      ref={title}
    >
      <main>
        <Head {...props} />
        <div class="aside">
          {loud ? (
            <button type="button" class="plain" onClick={() => setSilent(true)}>
              <Icon name="voice" /> {say('silence')}
            </button>
          ) : (
            <span />
          )}
          <button type="button" class="plain" onClick={props.aside}>
            <Icon name="close" /> {say('close')}
          </button>
        </div>
        {loud && !soundIsAllowed() && <p class="small">{say('touch')}</p>}
        <Body {...props} />
        <Call {...props} />
      </main>
    </div>
  )
}

/** The same, as a page of the history. */
export function StoryPage(props: StoryProps & { back: () => void }) {
  const { say } = useSpeech()
  return (
    <main>
      <button type="button" class="plain" onClick={props.back}>
        <Icon name="back" /> {say('back')}
      </button>
      <Head {...props} />
      <Body {...props} />
      <Call {...props} />
    </main>
  )
}

function Head({ story, now }: StoryProps) {
  const { say } = useSpeech()
  const { level, drill, detail } = story.latest
  const what = face(story)
  const real = what !== 'quiet'
  return (
    <>
      {drill && real && (
        <p class="drill">
          <strong>{say('drill')}</strong> {say('drill_note')}
        </p>
      )}
      <header class={`state ${level}`}>
        <h1 id="story-title">
          <Icon name={icon(what)} /> <span>{say(`level_${what}`)}</span>
        </h1>
        {detail && real && <p class="kind" lang={tongue(detail.kind)}>{detail.kind}</p>}
        {!real && <p>{say('quiet_note')}</p>}
        {detail && (what === 'alert' || what === 'caution') && (
          <p class="pair">
            <span>{caller(detail, say)}</span> <span>{say(goesOn(story, now) ? 'going_on' : 'over')}</span>
          </p>
        )}
        {detail && detail.evidence.length > 0 && (
          <p class="words" aria-label={say('evidence')} role="group">
            {detail.evidence.map((phrase) => (
              <mark key={phrase} lang={tongue(phrase)}>{phrase}</mark>
            ))}
          </p>
        )}
      </header>
    </>
  )
}

function Body(props: StoryProps) {
  const { say, language } = useSpeech()
  const { story, now } = props
  const { latest, partial } = story
  const { detail } = latest
  if (face(story) === 'quiet') return <Facts rows={[[say('at'), clock(latest.at, now, language, say)]]} />
  return (
    <>
      <Given {...props} />
      {detail ? (
        <section class="card">
          <h2>{say('todo')}</h2>
          <p class="advice" lang={tongue(detail.advice)}>
            {detail.advice}
          </p>
        </section>
      ) : (
        <p class="hint">{say('no_detail')}</p>
      )}
      <Answers {...props} />
      <Facts rows={[[say('at'), clock(latest.at, now, language, say)]]} />
      {detail && <Said detail={detail} />}
      {partial && detail?.transcript.length === 0 && <p class="hint">{say('said_wait')}</p>}
    </>
  )
}

/** The one thing to do first; under the thumb. */
function Call({ story, telephone, answer }: StoryProps) {
  const { say } = useSpeech()
  const open = choices(story).includes('calling')
  const called = story.given.some((one) => one.answer === 'calling')
  if (telephone && (open || called)) {
    return (
      <div class="thumb">
        <a class="button main" href={`tel:${telephone.replace(/[^\d+]/g, '')}`} onClick={() => open && answer('calling')}>
          <Icon name="call" /> {say(open ? 'calling' : 'again')}
        </a>
      </div>
    )
  }
  if (!open) return null
  return (
    <div class="thumb">
      <button type="button" class="main" onClick={() => answer('calling')}>
        <Icon name="call" /> {say('calling_plain')}
      </button>
    </div>
  )
}

const BUTTONS: Record<Exclude<Answer, 'calling'>, IconName> = {
  hang_up: 'cut',
  ask_hang_up: 'voice',
  call_later: 'wait',
  false_alarm: 'ok',
}

function Given({ story, now }: StoryProps) {
  const { say, language } = useSpeech()
  return (
    <div role="status">
      {story.given.map((one) => (
        <p key={one.answer} class="banner good">
          <Icon name={one.sent ? 'ok' : 'wait'} />
          {say(one.sent ? 'given_sent' : 'given_waits', say(`given_${one.answer}`), clock(one.at, now, language, say))}
        </p>
      ))}
    </div>
  )
}

function Answers({ story, telephone, answer }: StoryProps) {
  const { say } = useSpeech()
  const open = choices(story)
  return (
    <section class="answers">
      {open.map((one) => one !== 'calling' && <AnswerButton key={one} one={one} give={() => answer(one)} />)}
      {!telephone && open.includes('calling') && <p class="small">{say('number_missing')}</p>}
    </section>
  )
}

/** What makes the box act on others' ears or on its judgement is asked about once more. */
function AnswerButton({ one, give }: { one: Exclude<Answer, 'calling'>; give: () => void }) {
  const { say } = useSpeech()
  const inside: ComponentChildren = (
    <>
      <Icon name={BUTTONS[one]} /> {say(one)}
    </>
  )
  if (one === 'false_alarm' || one === 'hang_up') {
    return (
      <Ask question={say(`${one}_ask`)} {...(one === 'hang_up' ? { class: 'danger' } : {})} yes={give}>
        {inside}
      </Ask>
    )
  }
  return (
    <button type="button" onClick={give}>
      {inside}
    </button>
  )
}

function Said({ detail }: { detail: Detail }) {
  const { say } = useSpeech()
  if (!detail.transcript.length) return null
  return (
    <section>
      <h2>{say('said')}</h2>
      <ol class="said">
        {detail.transcript.map(([side, text], n) => (
          <li key={n} class={side === 'near' ? 'near' : 'far'}>
            <p class="speaker">{say(side === 'far' || side === 'near' ? side : 'unknown_side')}</p>
            <p lang={tongue(text)}>{marked(text, detail.evidence)}</p>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** The text with the phrases that counted marked. All of it stays text. */
function marked(text: string, phrases: string[]) {
  const wanted = phrases.filter(Boolean).sort((a, b) => b.length - a.length)
  if (!wanted.length) return text
  const escaped = wanted.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return text
    .split(new RegExp(`(${escaped.join('|')})`))
    .map((part, n) => (n % 2 ? <mark key={n}>{part}</mark> : part))
}

function caller({ number, absence }: Detail, say: Say): string {
  if (number) return written(number)
  return absence === 'P' || absence === 'O' || absence === 'C' || absence === 'S' ? say(`absent_${absence}`) : say('absent')
}

export function icon(what: Face): IconName {
  return what === 'quiet' || what === 'help' ? 'bell' : what
}
