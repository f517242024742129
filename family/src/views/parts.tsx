// Small parts that several views use.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

import { useSpeech } from '../words'

const ICONS = {
  now: 'M3 11l9-8 9 8M5 10v10h14V10M9 15l2.2 2.2L15.5 13',
  history: 'M9 6h12M9 12h12M9 18h12M3 6h1M3 12h1M3 18h1',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M13 7a3 3 0 1 0 6 0a3 3 0 1 0-6 0M5 17a3 3 0 1 0 6 0a3 3 0 1 0-6 0',
  call: 'M5 3h4l2 5-2.5 1.8a12 12 0 0 0 5.7 5.7L16 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 5a2 2 0 0 1 2-2z',
  cut: 'M2 14c6-6 14-6 20 0l-2.500 3-4.500-1.500v-3c-2-.7-4-.7-6 0v3L4.500 17z',
  voice: 'M4 9v6h4l5 4V5L8 9zM16.500 8.500a5 5 0 0 1 0 7M19 6a8.500 8.500 0 0 1 0 12',
  ok: 'M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M8 12.5l2.8 2.8L16 9.5',
  caution: 'M12 3L2 20h20zM12 10v4M12 17h.01',
  alert: 'M8 2h8l6 6v8l-6 6H8l-6-6V8zM12 7v6M12 16.5h.01',
  wait: 'M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 7v5l3 2',
  back: 'M14 5l-7 7 7 7',
  next: 'M10 5l7 7-7 7',
  close: 'M6 6l12 12M18 6L6 18',
  bell: 'M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21h4',
} as const

export type IconName = keyof typeof ICONS

/** A line drawing of 24 units; always beside a word, so hidden from screen readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={ICONS[name]} />
    </svg>
  )
}

/** The answer first: one sentence in a coloured field, then what to do. */
export function Field(props: { tone: string; icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <section class={`state ${props.tone}`} aria-live="polite">
      <h1>
        <Icon name={props.icon} /> <span>{props.title}</span>
      </h1>
      {props.children}
    </section>
  )
}

export function Facts({ rows }: { rows: [name: string, value: ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** A button that asks once more before it does something that reaches other people or cannot be undone. */
export function Ask(props: { question: string; class?: string; children: ComponentChildren; yes: () => void }) {
  const { say } = useSpeech()
  const [asking, setAsking] = useState(false)
  const group = useRef<HTMLDivElement>(null)
  useEffect(() => setAsking(false), [props.question])
  useEffect(() => group.current?.focus(), [asking]) // which brings it into view
  if (!asking) {
    return (
      <button type="button" class={props.class ?? ''} onClick={() => setAsking(true)}>
        {props.children}
      </button>
    )
  }
  return (
    <div class="ask" role="group" aria-label={props.question} tabIndex={-1} ref={group}>
      <p>{props.question}</p>
      <button type="button" class="main" onClick={() => setAsking(false)}>
        {say('stop')}
      </button>
      <button
        type="button"
        class={props.class ?? ''}
        onClick={() => {
          setAsking(false)
          props.yes()
        }}
      >
        {say('yes')}
      </button>
    </div>
  )
}
