// The notification of an alert, in the page and in its service worker.

import { face, type Story } from './state'
import { speaker, type Language } from './words'

/** A later message of the same alert takes the place of the one before. */
export function notice(story: Story, language: Language): [title: string, options: NotificationOptions] {
  const say = speaker(language)
  const { level, drill, detail, id } = story.latest
  const title = (drill && level !== 'quiet' ? `【${say('drill')}】` : '') + say(`level_${face(story)}`)
  const words = detail?.evidence.slice(0, 3).map((one) => `「${one}」`).join(' ') ?? ''
  const body = level === 'quiet' ? say('quiet_note') : [detail?.kind, words].filter(Boolean).join('\n')
  const options = {
    body,
    tag: id,
    lang: language,
    icon: 'icon-192.png',
    badge: 'badge.png',
    data: { id },
    renotify: level !== 'quiet',
    requireInteraction: level === 'alert',
    vibrate: [400, 150, 400, 150, 400],
  }
  return [title, options]
}
