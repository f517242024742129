// The sound and the shaking of a live alert. Made here: a sound file would have to be fetched first.

const ROUND_MS = 2400
const LONGEST_MS = 60_000
const NOTES: [hertz: number, start: number, length: number][] = [
  [880, 0, 0.35],
  [660, 0.4, 0.35],
  [880, 0.8, 0.35],
  [660, 1.2, 0.5],
]
const SHAKES = [400, 150, 400, 150, 400]

let context: AudioContext | null = null

/** Browsers give sound only to pages that were touched. */
export function allowSoundAtFirstTouch(): void {
  const allow = () => {
    context ??= new AudioContext()
    void context.resume()
  }
  addEventListener('pointerdown', allow, { passive: true })
  addEventListener('keydown', allow)
}

export function soundIsAllowed(): boolean {
  return context?.state === 'running'
}

/** Sound and shake until the returned function is called, for a minute at most. */
export function startAlarm(): () => void {
  const until = Date.now() + LONGEST_MS
  const round = () => {
    if (Date.now() > until) return stop()
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(SHAKES)
    if (context && soundIsAllowed()) for (const note of NOTES) play(context, ...note)
  }
  const timer = setInterval(round, ROUND_MS)
  const stop = () => {
    clearInterval(timer)
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(0)
  }
  round()
  return stop
}

function play(sound: AudioContext, hertz: number, start: number, length: number): void {
  const [tone, loudness] = [sound.createOscillator(), sound.createGain()]
  const at = sound.currentTime + start
  tone.type = 'triangle'
  tone.frequency.value = hertz
  loudness.gain.setValueAtTime(0, at)
  loudness.gain.linearRampToValueAtTime(0.6, at + 0.02)
  loudness.gain.linearRampToValueAtTime(0, at + length)
  tone.connect(loudness).connect(sound.destination)
  tone.start(at)
  tone.stop(at + length)
}
