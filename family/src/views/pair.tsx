// Making this telephone known to the box. On an iPhone: install first, pair inside.

import { useState } from 'preact/hooks'

import { Silence, Unreachable } from '../link'
import { readInvitation, type Invitation } from '../pairing'
import { installed, onIphone } from '../push'
import { useSpeech, type Word } from '../words'
import { Field, Icon } from './parts'

interface PairProps {
  /** The address that the page was opened with, or what was pasted. */
  address: string
  setAddress: (address: string) => void
  paired: boolean
  pair: (invitation: Invitation) => Promise<void>
  stop: (() => void) | null
}

export function Pair(props: PairProps) {
  const { say } = useSpeech()
  const [anyway, setAnyway] = useState(false)
  const invitation = read(props.address)
  if (invitation && onIphone() && !installed() && !anyway) {
    return <InstallFirst address={props.address} anyway={() => setAnyway(true)} />
  }
  return (
    <main>
      {invitation ? (
        <Offer {...props} invitation={invitation} />
      ) : (
        <Field tone="none" icon="call" title={say('welcome')}>
          <p>{say('pair_how')}</p>
        </Field>
      )}
      {!invitation && props.address && <p class="banner bad">{say('pair_bad')}</p>}
      {!invitation && <Paste {...props} />}
      {props.stop && (
        <button type="button" class="plain" onClick={props.stop}>
          <Icon name="back" /> {say('stop')}
        </button>
      )}
    </main>
  )
}

function Offer({ invitation, pair, paired }: PairProps & { invitation: Invitation }) {
  const { say } = useSpeech()
  const [waiting, setWaiting] = useState(false)
  const [trouble, setTrouble] = useState<Word | null>(null)
  const go = async () => {
    setWaiting(true)
    setTrouble(null)
    try {
      await pair(invitation)
    } catch (error) {
      setTrouble(reason(error))
      setWaiting(false)
    }
  }
  return (
    <>
      <Field tone="none" icon="call" title={say('pair_title')}>
        <p>{say('pair_with', invitation.unit, invitation.contact)}</p>
        {paired && <p>{say('pair_replaces')}</p>}
      </Field>
      {trouble && (
        <p class="banner bad" role="alert">
          <Icon name="alert" /> {say(trouble)}
        </p>
      )}
      <button type="button" class="main wide" disabled={waiting} onClick={() => void go()}>
        {say(waiting ? 'pair_wait' : 'pair_go')}
      </button>
    </>
  )
}

function Paste({ setAddress }: PairProps) {
  const { say } = useSpeech()
  const paste = async () => {
    try {
      setAddress(await navigator.clipboard.readText())
    } catch {
      // not allowed: there is the field
    }
  }
  return (
    <section class="card">
      <h2>{say('pair_paste')}</h2>
      <button type="button" class="wide" onClick={() => void paste()}>
        {say('pair_from_clipboard')}
      </button>
      <label for="address">{say('pair_field')}</label>
      <input
        id="address"
        type="text"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onChange={(event) => setAddress(event.currentTarget.value)}
      />
    </section>
  )
}

function InstallFirst({ address, anyway }: { address: string; anyway: () => void }) {
  const { say } = useSpeech()
  const [copied, setCopied] = useState(false)
  const copy = () => navigator.clipboard.writeText(address).then(() => setCopied(true), () => undefined)
  return (
    <main>
      <Field tone="caution" icon="caution" title={say('ios_title')}>
        <p>{say('ios_why')}</p>
      </Field>
      <ol class="steps">
        <li>{say('ios_1')}</li>
        <li>{say('ios_2')}</li>
        <li>{say('ios_3')}</li>
      </ol>
      <button type="button" class="main wide" onClick={() => void copy()}>
        {say(copied ? 'copied' : 'copy')}
      </button>
      <button type="button" class="plain" onClick={anyway}>
        {say('ios_anyway')}
      </button>
    </main>
  )
}

function read(address: string): Invitation | null {
  try {
    return readInvitation(address)
  } catch {
    return null
  }
}

function reason(error: unknown): Word {
  if (error instanceof Silence) return 'pair_silent'
  if (error instanceof Unreachable) return error.refused ? 'pair_refused' : 'pair_unreachable'
  return error instanceof Error && error.message === 'another box answers' ? 'pair_other' : 'pair_silent'
}
