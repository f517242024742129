// One alert: what it is, what to do, what may be answered, the words that counted.

import { useEffect, useState } from 'preact/hooks'

import { soundIsAllowed, startAlarm } from '../alarm'
import { choices, sounds, type Story } from '../state'
import type { Answer, Detail } from '../wire'
import { clock, useSpeech } from '../words'
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
  const loud = sounds(story) && !silent
  useEffect(() => (loud ? startAlarm() : undefined), [loud])
  return (
    <div class={`alarm ${story.latest.level}`} role="alertdialog" aria-modal="true" aria-labelledby="alarm-title">
      <main>
        <Head story={story} id="alarm-title" />
        {loud && (
          <button type="button" class="plain" onClick={() => setSilent(true)}>
            <Icon name="voice" /> {say('silence')}
          </button>
        )}
        {loud && !soundIsAllowed() && <p class="small">{say('touch')}</p>}
        <Body {...props} />
        <button type="button" class="plain" onClick={props.aside}>
          <Icon name="close" /> {say('close')}
        </button>
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
      <Head story={props.story} id="story-title" />
      <Body {...props} />
    </main>
  )
}

function Head({ story, id }: { story: Story; id: string }) {
  const { say } = useSpeech()
  const { level, drill, event, detail } = story.latest
  return (
    <>
      {drill && level !== 'quiet' && (
        <p class="drill">
          <strong>{say('drill')}</strong> {say('drill_note')}
        </p>
      )}
      <header class={`state ${level}`}>
        <Icon name={icon(level)} />
        <div>
          <h1 id={id}>{say(`level_${level}`)}</h1>
          {detail && level !== 'quiet' && <p class="kind">{detail.kind}</p>}
          <p>{level === 'quiet' ? say('quiet_note') : say(event === 'end' ? 'over' : 'going_on')}</p>
        </div>
      </header>
    </>
  )
}

function Body({ story, telephone, now, answer }: StoryProps) {
  const { say, language } = useSpeech()
  const { latest, partial } = story
  const { detail } = latest
  const rows: [string, string][] = [[say('at'), clock(latest.at, now, language, say)]]
  if (detail && latest.level !== 'quiet') rows.unshift([say('caller'), caller(detail, say)])
  return (
    <>
      {detail && latest.level !== 'quiet' && (
        <section class="card">
          <h2>{say('todo')}</h2>
          <p class="advice">{detail.advice}</p>
        </section>
      )}
      {!detail && <p class="hint">{say('no_detail')}</p>}
      {latest.level !== 'quiet' && <Answers story={story} telephone={telephone} now={now} answer={answer} />}
      {detail && detail.evidence.length > 0 && (
        <section>
          <h2>{say('evidence')}</h2>
          <p class="words">
            {detail.evidence.map((phrase) => (
              <mark key={phrase}>{phrase}</mark>
            ))}
          </p>
        </section>
      )}
      <Facts rows={rows} />
      {detail && <Said detail={detail} />}
      {partial && detail?.transcript.length === 0 && latest.level !== 'quiet' && <p class="hint">{say('said_wait')}</p>}
    </>
  )
}

const BUTTONS: Record<Exclude<Answer, 'calling'>, IconName> = {
  hang_up: 'cut',
  ask_hang_up: 'voice',
  call_later: 'wait',
  false_alarm: 'ok',
}

function Answers({ story, telephone, now, answer }: StoryProps) {
  const { say, language } = useSpeech()
  const open = choices(story)
  const mayCall = open.includes('calling')
  const dialled = story.given.some((one) => one.answer === 'calling')
  return (
    <section class="answers">
      {story.given.map((one) => (
        <p key={one.answer} class="banner good" role="status">
          <Icon name={one.sent ? 'ok' : 'wait'} />
          {say(one.sent ? 'given_sent' : 'given_waits', say(`given_${one.answer}`), clock(one.at, now, language, say))}
        </p>
      ))}
      {telephone && (mayCall || dialled) && (
        <a class="button main call" href={`tel:${telephone}`} onClick={() => mayCall && answer('calling')}>
          <Icon name="call" /> {say(mayCall ? 'calling' : 'again')}
        </a>
      )}
      {!telephone && mayCall && (
        <>
          <button type="button" class="main call" onClick={() => answer('calling')}>
            <Icon name="call" /> {say('calling_plain')}
          </button>
          <p class="small">{say('number_missing')}</p>
        </>
      )}
      {open
        .filter((one) => one !== 'calling')
        .map((one) => {
          const face = (
            <>
              <Icon name={BUTTONS[one]} /> {say(one)}
            </>
          )
          if (one === 'false_alarm' || one === 'hang_up') {
            return (
              <Ask key={one} question={say(`${one}_ask`)} {...(one === 'hang_up' ? { class: 'danger' } : {})} yes={() => answer(one)}>
                {face}
              </Ask>
            )
          }
          return (
            <button type="button" key={one} onClick={() => answer(one)}>
              {face}
            </button>
          )
        })}
    </section>
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
            <p>{marked(text, detail.evidence)}</p>
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

function caller({ number, absence }: Detail, say: ReturnType<typeof useSpeech>['say']): string {
  if (number) return number
  return absence === 'P' || absence === 'O' || absence === 'C' || absence === 'S' ? say(`absent_${absence}`) : say('absent')
}

export function icon(level: Story['latest']['level']): IconName {
  return level === 'quiet' ? 'bell' : level
}
