import { render } from 'preact'

import { allowSoundAtFirstTouch } from './alarm'
import { Desk } from './desk'
import { Page } from './page'
import { Store } from './store'
import './style.css'
import { Speech, speaker } from './words'
import { TroublePage, type Trouble } from './views/trouble'

const root = document.getElementById('page')!

function trouble(what: Trouble): void {
  const language = navigator.language.startsWith('ja') || !navigator.language ? 'ja' : 'en'
  render(
    <Speech.Provider value={{ say: speaker(language), language }}>
      <TroublePage trouble={what} />
    </Speech.Provider>,
    root,
  )
}

async function main(): Promise<void> {
  if (!isSecureContext) return trouble('insecure')
  if (!('serviceWorker' in navigator && 'locks' in navigator && crypto.subtle)) return trouble('old')
  let desk: Desk
  try {
    const registration = await navigator.serviceWorker.register('./sw.js', { type: 'module' })
    desk = new Desk(await Store.open(), registration)
    await desk.start()
  } catch (error) {
    console.error(error)
    return trouble('old')
  }
  navigator.serviceWorker.addEventListener('message', ({ data }) => desk.want((data as { open?: string }).open ?? null))
  allowSoundAtFirstTouch()
  render(<Page desk={desk} />, root)
}

void main()
