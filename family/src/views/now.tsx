// How it is now: the box, what is still to be made ready, the latest alerts.

import { useState } from 'preact/hooks'

import type { Desk, State } from '../desk'
import { face, standing, type Standing, type Story } from '../state'
import { clock, tongue, useSpeech } from '../words'
import { Facts, Field, Icon, type IconName } from './parts'
import { icon } from './story'

interface NowProps {
  desk: Desk
  state: State
  open: (id: string) => void
  all: () => void
}

export function Now({ desk, state, open, all }: NowProps) {
  const { say } = useSpeech()
  return (
    <main>
      <BoxState desk={desk} state={state} />
      {state.broken && (
        <p class="banner bad" role="alert">
          <Icon name="alert" /> {say('broken')} {say('broken_do')}
        </p>
      )}
      {state.clockWrong && (
        <p class="banner warn">
          <Icon name="caution" /> {say('clock_wrong')}
        </p>
      )}
      <MakeReady desk={desk} state={state} />
      <section>
        <h2>{say('alerts')}</h2>
        <StoryList stories={state.stories.slice(0, 3)} now={state.now} open={open} />
        {state.stories.length > 3 && (
          <button type="button" class="wide" onClick={all}>
            {say('all_alerts')}
          </button>
        )}
      </section>
    </main>
  )
}

const FACES: Record<Standing, [tone: string, icon: IconName]> = {
  listening: ['quiet', 'ok'],
  unknown: ['none', 'wait'],
  deaf: ['alert', 'alert'],
  unheard: ['alert', 'alert'],
  away: ['alert', 'alert'],
  unlinked: ['caution', 'caution'],
  refused: ['alert', 'alert'],
}

function BoxState({ desk, state }: { desk: Desk; state: State }) {
  const { say, language } = useSpeech()
  const { link, now, provenAt, heardAt } = state
  const is = standing(link, state.available, state.health, now)
  const [tone, face] = FACES[is]
  const when = (at: number | null) => (at === null ? say('never') : clock(at, now, language, say))
  if (state.elsewhere) {
    return (
      <Field tone="caution" icon="caution" title={say('elsewhere')}>
        <button type="button" class="main wide" onClick={() => desk.listenHere()}>
          {say('elsewhere_go')}
        </button>
      </Field>
    )
  }
  const connecting = is === 'unlinked' && link.is === 'connecting'
  return (
    <>
      <Field tone={connecting ? 'none' : tone} icon={connecting ? 'wait' : face} title={say(connecting ? 'connecting' : is)}>
        <p>{connecting ? say('unknown_do') : say(`${is}_do`)}</p>
        <Facts
          rows={[
            [say('proven'), when(provenAt)],
            ...(is === 'unlinked' && !connecting ? [[say('heard'), when(heardAt)] as [string, string]] : []),
          ]}
        />
      </Field>
    </>
  )
}

/** What is still missing, in the order in which it matters. Nothing when all is there. */
function MakeReady({ desk, state }: { desk: Desk; state: State }) {
  const { say } = useSpeech()
  const pushMissing = state.push === 'off' || (state.push === 'on' && !state.pushTold)
  if (state.telephone && !pushMissing) return null
  return (
    <section class="card ready">
      <h2>{say('ready')}</h2>
      {pushMissing && <PushButton desk={desk} />}
      {!state.telephone && <Telephone desk={desk} telephone="" />}
    </section>
  )
}

export function PushButton({ desk }: { desk: Desk }) {
  const { say } = useSpeech()
  const [failed, setFailed] = useState(false)
  return (
    <div class="step">
      <p class="label">{say('push')}</p>
      {failed && <p class="banner bad">{say('push_failed')}</p>}
      <button type="button" class="main wide" onClick={() => void desk.allowPush().then((done) => setFailed(!done))}>
        <Icon name="bell" /> {say('push_go')}
      </button>
    </div>
  )
}

export function Telephone({ desk, telephone }: { desk: Desk; telephone: string }) {
  const { say } = useSpeech()
  const [said, setSaid] = useState<'saved' | 'number_bad' | null>(null)
  const save = (event: SubmitEvent) => {
    event.preventDefault()
    const given = String(new FormData(event.currentTarget as HTMLFormElement).get('number')).normalize('NFKC').trim()
    const number = given.replace(/[ー‐−]/g, '-')
    const sound = /^\+?\d{3,15}$/.test(number.replace(/[\s()-]/g, ''))
    if (sound) desk.keep('telephone', number)
    setSaid(sound ? 'saved' : 'number_bad')
  }
  return (
    <form class="step" onSubmit={save}>
      <label for="number">{say('number')}</label>
      <p class="small" id="number-why">
        {say('number_why')}
      </p>
      <input id="number" name="number" type="tel" autocomplete="off" defaultValue={telephone} aria-describedby="number-why" />
      {said && <p class={`banner ${said === 'saved' ? 'good' : 'bad'}`} role="status">{say(said)}</p>}
      <button type="submit" class="wide">
        {say('save')}
      </button>
    </form>
  )
}

export function StoryList({ stories, now, open }: { stories: Story[]; now: number; open: (id: string) => void }) {
  const { say, language } = useSpeech()
  if (!stories.length) return <p class="empty">{say('no_alerts')}</p>
  return (
    <ul class="calls">
      {stories.map((story) => ({ ...story, what: face(story) })).map(({ id, latest, given, what }) => (
        <li key={id}>
          <button type="button" class={`call ${latest.level}`} onClick={() => open(id)}>
            <span class={`level ${latest.level}`}>
              <Icon name={icon(what)} />
              {say(`level_${what}`)}
              {latest.drill && latest.level !== 'quiet' && <span class="tag">{say('drill')}</span>}
            </span>
            {latest.level !== 'quiet' && <span class="who" lang={tongue(latest.detail?.kind ?? '')}>{latest.detail?.kind}</span>}
            <span class="when">
              {clock(latest.at, now, language, say)}
              {given.length > 0 && ` — ${say('answered')}`}
            </span>
            <Icon name="next" />
          </button>
        </li>
      ))}
    </ul>
  )
}
