// Settings: the household's number, notifications, a try of the alarm, this pairing.

import { useState } from 'preact/hooks'

import type { Desk, State } from '../desk'
import { drillStand, standing } from '../state'
import { useSpeech, type Word } from '../words'
import { PushButton, Telephone } from './now'
import { Ask, Facts, Icon } from './parts'

interface SettingsProps {
  desk: Desk
  state: State
  tryAlarm: () => void
}

const PUSH: Record<State['push'], Word> = {
  on: 'push_on',
  off: 'push_go',
  denied: 'push_denied',
  unsupported: 'push_unsupported',
  install: 'push_install',
  none: 'push_none',
}

export function Settings({ desk, state, tryAlarm }: SettingsProps) {
  const { say } = useSpeech()
  const { profile, push, refused } = state
  return (
    <main>
      <h1>{say('settings')}</h1>
      <section class="card">
        <Telephone key={state.telephone} desk={desk} telephone={state.telephone} />
      </section>
      <section class="card">
        {push === 'off' ? (
          <PushButton desk={desk} />
        ) : (
          <>
            <h2>{say('push')}</h2>
            <p>{say(push === 'on' && !state.pushTold ? 'push_told' : PUSH[push])}</p>
          </>
        )}
      </section>
      <section class="card">
        <button type="button" class="wide" onClick={tryAlarm}>
          <Icon name="bell" /> {say('try_alarm')}
        </button>
        <p class="small">{say('try_why')}</p>
      </section>
      <section class="card">
        <BoxDrill desk={desk} state={state} />
      </section>
      <section class="card">
        <h2>{say('about')}</h2>
        <Facts
          rows={[
            [say('box'), profile?.unit ?? ''],
            [say('me'), profile?.contact ?? ''],
            [say('refused_messages'), refused ? say('refused_count', refused) : say('refused_none')],
          ]}
        />
        <Ask class="danger" question={say('forget_ask')} yes={() => void desk.forget()}>
          {say('forget')}
        </Ask>
      </section>
    </main>
  )
}

/** A drill of the whole chain, from a false call at the box to the telephones of the family. */
function BoxDrill({ desk, state }: { desk: Desk; state: State }) {
  const { say } = useSpeech()
  const [failed, setFailed] = useState(false)
  const { link, available, elsewhere, health, drillAsked, stories, now } = state
  const box = standing(link, available, health, now)
  const connected = !elsewhere && ['listening', 'deaf', 'unheard'].includes(box)
  const stand = drillStand(connected, health, drillAsked, stories, now)
  return (
    <>
      {stand === 'ready' ? (
        <Ask class="wide" question={say('box_drill_ask')} yes={() => void desk.askDrill().then((done) => setFailed(!done))}>
          <Icon name="bell" /> {say('box_drill')}
        </Ask>
      ) : (
        <button type="button" class="wide" disabled aria-describedby="box-drill">
          <Icon name="bell" /> {say('box_drill')}
        </button>
      )}
      <p class="banner" role="status" id="box-drill" hidden={stand === 'ready' && !failed}>
        {stand !== 'ready' ? say(`box_drill_${stand}`) : failed && say('box_drill_failed')}
      </p>
      <p class="small">{say('box_drill_why')}</p>
    </>
  )
}
