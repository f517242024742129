// When nothing can work: said plainly, with the way out.

import { useSpeech, type Word } from '../words'
import { Field } from './parts'

export type Trouble = 'insecure' | 'old' | 'broken'

const TEXTS: Record<Trouble, Word[]> = {
  insecure: ['insecure_why', 'insecure_do'],
  old: ['old_do'],
  broken: ['broken_do'],
}

export function TroublePage({ trouble }: { trouble: Trouble }) {
  const { say } = useSpeech()
  return (
    <main>
      <Field tone="alert" icon="alert" title={say(trouble)}>
        {TEXTS[trouble].map((word) => (
          <p key={word}>{say(word)}</p>
        ))}
      </Field>
    </main>
  )
}
