// What the page says: key = [Japanese, English]. Plain words; `{}` is filled in.

import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

export type Language = 'ja' | 'en'

export const WORDS = {
  app: ['電話番', 'Denwaban'],
  language: ['English', '日本語'],
  now: ['いま', 'Now'],
  history: ['記録', 'History'],
  settings: ['設定', 'Settings'],
  back: ['もどる', 'Back'],
  close: ['閉じる', 'Close'],
  yes: ['はい', 'Yes'],
  stop: ['やめる', 'Cancel'],
  menu: ['メニュー', 'Menu'],
  today: ['今日 {}', 'today {}'],
  yesterday: ['昨日 {}', 'yesterday {}'],
  drill: ['訓練', 'Drill'],
  drill_note: ['これは訓練です。本当の電話ではありません。', 'This is a drill, not a real call.'],

  // how the box is
  listening: ['電話を見守っています', 'Minding the telephone'],
  listening_do: ['あやしい電話があれば、すぐにお知らせします。', 'You will be told at once of a suspicious call.'],
  deaf: ['箱は、いま電話を聞けません', 'The box cannot hear the telephone'],
  deaf_do: [
    '実家の電話は、いつもどおり使えます。電話線と箱のケーブルを確かめてもらい、直らなければ、箱の電源を入れ直してもらってください。',
    'The telephone itself works as always. Ask them to check the cables of the box, then to switch it off and on.',
  ],
  unheard: ['箱は、いま通話を聞き取れません', 'The box cannot follow calls'],
  unheard_do: [
    '箱は電話に出ますが、話を聞き取れず、詐欺に気づけません。箱の電源を入れ直してもらってください。くり返すときは、箱を用意した人に知らせてください。',
    'It answers callers but cannot make out what is said, so it notices no fraud. Ask them to switch it off and on. If it happens again, tell whoever set it up.',
  ],
  away: ['箱につながりません', 'The box is away'],
  away_do: [
    '箱の電源か、実家のインターネットが切れているようです。実家の電話は、いつもどおり使えます。',
    'It has no power or no internet. The telephone itself works as always.',
  ],
  unknown: ['箱の様子を聞いています', 'Asking how the box is'],
  unknown_do: ['しばらくお待ちください。', 'One moment.'],
  unlinked: ['いまは、知らせを受け取れません', 'No alerts can reach this page now'],
  unlinked_do: [
    'この電話のインターネットと時計を確かめてください。つながりしだい、届いていない知らせも受け取ります。',
    'Check this telephone’s internet and its clock. What is waiting comes as soon as there is a connection.',
  ],
  connecting: ['つないでいます', 'Connecting'],
  refused: ['この電話の登録が、使えなくなっています', 'This telephone is no longer registered'],
  refused_do: ['実家の箱で、もう一度この電話を登録してもらってください。', 'Pair it with the box again.'],
  elsewhere: ['ほかの画面で受け取っています', 'Another window is listening'],
  elsewhere_do: ['この画面で受け取るには、ここを押してください。', 'Press to listen here.'],
  elsewhere_go: ['この画面で受け取る', 'Listen here'],
  proven: ['最後に確かめた時刻', 'Last proven'],
  heard: ['最後につながっていた時刻', 'Last connected'],
  never: ['まだありません', 'not yet'],
  clock_wrong: [
    'この電話の時計か、箱の時計がずれているようです。時刻は目安としてご覧ください。',
    'The clock of this telephone or of the box seems to be wrong. Take times with care.',
  ],

  // alerts
  level_alert: ['詐欺の疑いのある電話', 'Suspected scam call'],
  level_caution: ['注意したい電話', 'A call to be careful of'],
  level_help: ['家の人が呼んでいます', 'They are calling for you'],
  level_quiet: ['試しの知らせ', 'Test message'],
  quiet_note: ['この電話に知らせが届くかどうかの試しです。', 'It shows that messages reach this telephone.'],
  going_on: ['いま話し中です', 'The call is going on'],
  over: ['電話は終わりました', 'The call is over'],
  caller: ['相手の番号', 'Caller'],
  absent_P: ['番号を通知していない電話', 'number withheld'],
  absent_O: ['番号が伝わらない電話', 'number not available'],
  absent_C: ['公衆電話', 'payphone'],
  absent_S: ['番号が伝わらない電話', 'number not available'],
  absent: ['番号はわかりません', 'unknown'],
  at: ['箱が気づいた時刻', 'Noticed'],
  kind: ['電話の種類', 'Kind'],
  todo: ['どうすればいい?', 'What to do'],
  evidence: ['気になった言葉', 'Words that counted'],
  said: ['電話での話', 'What was said'],
  said_wait: ['話の内容は、つながりしだい届きます。', 'What was said comes as soon as there is a connection.'],
  far: ['相手', 'Caller'],
  near: ['家の人', 'Household'],
  unknown_side: ['どちらか', 'One of them'],
  no_detail: [
    '内容は届いていません。この電話の登録が古いのかもしれません。実家に電話して確かめてください。',
    'There are no details. Perhaps this telephone must be paired again. Call them.',
  ],
  alerts: ['最近の知らせ', 'Latest alerts'],
  no_alerts: ['まだ知らせはありません。', 'No alerts yet.'],
  all_alerts: ['記録をぜんぶ見る', 'All alerts'],
  gone: ['その知らせは、もうありません。', 'That alert is no longer there.'],
  silence: ['音を止める', 'Stop the sound'],
  touch: ['音を出すには、画面に一度触れてください。', 'Touch the screen once for sound.'],

  unreadable: ['知らせがありました。開いて確かめてください。', 'Something has come. Open the page to see it.'],

  // answers
  calling: ['いま実家に電話する', 'I am calling them now'],
  calling_plain: ['「電話します」と伝える', 'Tell them I am calling'],
  again: ['もう一度かける', 'Call again'],
  false_alarm: ['心配のない電話だった', 'It is a false alarm'],
  false_alarm_ask: [
    '家の中で「心配のない電話です」と声で伝え、箱は次から少し控えめになります。よろしいですか?',
    'The box will say so aloud, and will warn a little later from now on. Really?',
  ],
  call_later: ['あとで電話する', 'I cannot now, I shall call later'],
  hang_up: ['この電話を切る', 'Cut the call'],
  hang_up_ask: ['箱が、話し中の電話を切ります。よろしいですか?', 'The box will end the call. Really?'],
  ask_hang_up: ['「切って」と声で伝える', 'Ask them aloud to hang up'],
  given_calling: ['「いま電話します」', '“I am calling now”'],
  given_false_alarm: ['「心配のない電話です」', '“It is a false alarm”'],
  given_call_later: ['「あとで電話します」', '“I shall call later”'],
  given_hang_up: ['「電話を切ります」', '“Cut the call”'],
  given_ask_hang_up: ['「電話を切ってください」', '“Please hang up”'],
  given_sent: ['{}と送りました({})', '{}: sent ({})'],
  given_waits: ['{}は、つながりしだい送ります({})', '{}: will be sent as soon as there is a connection ({})'],
  answered: ['答えました', 'Answered'],
  number_missing: [
    '設定で実家の番号を入れておくと、ここから電話をかけられます。',
    'Enter the household’s number in Settings to dial from here.',
  ],

  // pairing
  welcome: ['離れて暮らす家族の電話を見守る', 'Minding the telephone of family far away'],
  pair_how: [
    '実家の箱の画面で「家族の電話を加える」を選ぶと、四角いコード(QRコード)が出ます。それを、この電話のカメラで写してください。',
    'Have the box show its QR code and scan it with this telephone’s camera.',
  ],
  pair_paste: ['コードの文字を持っているとき', 'If you have the code as text'],
  pair_field: ['箱が見せるアドレス(コード)', 'The address that the box shows'],
  pair_from_clipboard: ['コピーしたコードを貼り付ける', 'Paste the copied code'],
  pair_title: ['実家の箱と、この電話をつなぎます', 'Connect this telephone to the box'],
  pair_go: ['この箱とつなぐ', 'Connect to this box'],
  pair_with: ['箱「{}」に、この電話を「{}」として登録します。', 'Box “{}” will know this telephone as “{}”.'],
  pair_replaces: [
    'いまの登録と記録は、この電話から消えます。',
    'The present pairing and its history will go from this telephone.',
  ],
  pair_wait: ['箱の返事を待っています…', 'Waiting for the box…'],
  pair_done: ['つながりました', 'Paired'],
  pair_bad: [
    'このコードは使えません。箱が見せているコードを、もう一度写してください。',
    'This is not an invitation. Scan again the code that the box shows.',
  ],
  pair_silent: [
    '箱の返事がありません。箱の画面にコードが出ているあいだに、もう一度お試しください(コードは10分で切れます)。',
    'The box does not answer. Try again while it shows the code (it is good for ten minutes).',
  ],
  pair_unreachable: [
    '知らせの中継所につながりません。この電話のインターネットを確かめて、もう一度お試しください。',
    'The broker cannot be reached. Check this telephone’s internet and try again.',
  ],
  pair_refused: [
    '知らせの中継所が、この電話を受け付けません。箱を設定した方に伝えてください。',
    'The broker does not let this telephone in. Tell whoever set the box up.',
  ],
  pair_other: [
    '別の箱が答えました。つながずに、実家で新しいコードを出してもらってください。',
    'Another box answers. Do not go on; ask the household for a new code.',
  ],
  ios_title: ['先に、ホーム画面に入れてください', 'First add this page to the Home Screen'],
  ios_why: [
    'iPhoneでは、ホーム画面に入れたアプリだけが、閉じていても知らせを受け取れます。つなぐのは、そのアプリの中で行います。',
    'On an iPhone only the app on the Home Screen is woken by alerts. Pair inside that app.',
  ],
  ios_1: ['下の「コードをコピー」を押す', 'Press “Copy the code” below'],
  ios_2: ['共有ボタン(□に↑)を押し、「ホーム画面に追加」を選ぶ', 'Press Share, then “Add to Home Screen”'],
  ios_3: ['ホーム画面の「電話番」を開き、「コピーしたコードを貼り付ける」を押す', 'Open “電話番” there and press “Paste”'],
  copy: ['コードをコピー', 'Copy the code'],
  copied: ['コピーしました', 'Copied'],
  ios_anyway: ['このままSafariでつなぐ(閉じると知らせは届きません)', 'Pair in Safari anyway (nothing arrives when closed)'],

  // making it ready
  ready: ['あと少しで準備ができます', 'Almost ready'],
  number: ['実家の電話番号', 'The household’s telephone number'],
  number_why: [
    'ひと押しで電話をかけるために使います。この電話の中だけに残ります。',
    'To dial with one press. It stays on this telephone.',
  ],
  number_bad: ['数字で入れてください(例 03-1234-5678)', 'Digits please, such as 03-1234-5678'],
  save: ['これで決める', 'Save'],
  saved: ['残しました', 'Saved'],
  push: ['閉じていても知らせを受け取る', 'Be told when this page is closed'],
  push_go: ['知らせを許す', 'Allow notifications'],
  push_on: ['受け取ります', 'on'],
  push_told: ['許しました。箱に伝えています', 'allowed; the box is being told'],
  push_denied: [
    'この電話の設定で、通知が止められています。設定アプリで「電話番」(またはブラウザ)の通知を許してください。',
    'Notifications are blocked. Allow them in this telephone’s settings.',
  ],
  push_failed: [
    'いまは用意できません。インターネットにつながっているときに、もう一度お試しください。',
    'It does not work now. Try again while there is internet.',
  ],
  push_unsupported: [
    'このブラウザには、その仕組みがありません。この画面を開いているあいだだけ届きます。',
    'This browser cannot do it. Alerts come only while this page is open.',
  ],
  push_install: [
    'iPhoneでは、ホーム画面に追加した「電話番」を開いて許してください。',
    'On an iPhone, open it from the Home Screen and allow it there.',
  ],
  push_none: ['箱のほうの用意がありません。', 'The box does not send them.'],
  try_alarm: ['知らせの画面と音をためす', 'Try the alert and its sound'],
  try_why: [
    'この電話の中だけの練習です。',
    'On this telephone only.',
  ],
  box_drill: ['箱の訓練を始める', 'Start a drill of the box'],
  box_drill_why: [
    '箱が、にせの詐欺電話で、家族への知らせを確かめます。2分半ほどかかり、登録した家族みんなに「訓練」と書いた知らせが届きます。',
    'The box rehearses a scam call. It takes about two and a half minutes; everybody registered is told, marked as a drill.',
  ],
  box_drill_ask: ['登録した家族みんなに、訓練の知らせが届きます。始めますか?', 'Everybody registered will be told. Start?'],
  box_drill_asked: [
    '頼みました。訓練の知らせが届くまで、2分ほどお待ちください。実家が電話中のときは始まりません。',
    'Asked for. The drill’s alert comes in about two minutes; none starts while they are on the telephone.',
  ],
  box_drill_soon: ['訓練は、前の訓練から10分たつと、また始められます。', 'The next drill can start ten minutes after the last.'],
  box_drill_away: ['いまは箱につながっていないので、始められません。', 'Not now: the box is not connected.'],
  box_drill_none: [
    'いまは箱が訓練を受け付けていません。箱は一時間ごとに様子を知らせます。そのあとでお試しください。',
    'The box offers no drill now. It reports every hour; try again after that.',
  ],
  box_drill_failed: ['頼めませんでした。もう一度お試しください。', 'It could not be asked for. Try again.'],
  try_kind: ['家族や親族を名乗る詐欺', 'someone posing as a relative'],
  try_advice: [
    '名乗られた家族に、前から知っている番号で電話して確かめてください。お金を人に渡すのは止めてください。',
    'Call the relative on the number you know. Do not hand money to anyone.',
  ],
  about: ['この電話の登録', 'This pairing'],
  box: ['箱', 'Box'],
  me: ['箱での呼び名', 'Known there as'],
  refused_messages: ['受け取らなかったもの', 'Not taken'],
  refused_count: ['{}件(箱の署名がないなど)', '{} (without the box’s signature, or not for you)'],
  refused_none: ['ありません', 'none'],
  forget: ['この登録を消す', 'Remove this pairing'],
  forget_ask: [
    'この電話に、知らせが届かなくなります。記録も消えます。箱のほうの登録は、箱の画面の「家族」で止めてください。',
    'No alert will come here any more, and the history goes. Revoke it at the box, too.',
  ],

  // trouble
  insecure: ['このアドレスでは使えません', 'It cannot work at this address'],
  insecure_why: [
    'アドレスの先頭が「https://」ではありません。暗号化されていないページでは、知らせを開く鍵を安全に持てず、ブラウザもそれを許しません。',
    'The address does not begin with https://. Without encryption a browser gives a page neither keys nor notifications.',
  ],
  insecure_do: [
    '「https://」で始まるアドレスで開き直してください。箱を設定した方に聞けばわかります。',
    'Open it at its https:// address. Whoever set the box up knows it.',
  ],
  old: ['このブラウザでは使えません', 'This browser is too old'],
  old_do: [
    'ブラウザか電話のソフトを新しくしてください。プライベート(シークレット)の画面でも使えません。',
    'Update the browser. Private windows do not work either.',
  ],
  broken: ['この電話に記録できません', 'This telephone cannot store anything'],
  broken_do: [
    '空き容量を確かめて、もう一度開いてください。それまでは、知らせを受け取ったことになりません。',
    'Free some space and open it again. Until then alerts count as not received.',
  ],
} satisfies Record<string, [string, string]>

export type Word = keyof typeof WORDS
export type Say = (word: Word, ...values: (string | number)[]) => string

export function speaker(language: Language): Say {
  return (word, ...values) => {
    const rest = [...values]
    return WORDS[word][language === 'ja' ? 0 : 1].replace(/\{\}/g, () => String(rest.shift() ?? ''))
  }
}

export const Speech = createContext<{ say: Say; language: Language }>({ say: speaker('ja'), language: 'ja' })

export function useSpeech(): { say: Say; language: Language } {
  return useContext(Speech)
}

/** The language that a text of the box is in: for screen readers, and for how lines break. */
export function tongue(text: string): Language {
  return /[\u3040-\u30ff\u3400-\u9fff]/.test(text) ? 'ja' : 'en'
}

/** A Japanese number as it is written; any other as it came. */
export function telephone(number: string): string {
  const forms = [/^(0[5789]0)(\d{4})(\d{4})$/, /^(0120|0800)(\d{3})(\d{3,4})$/, /^(0[36])(\d{4})(\d{4})$/]
  const parts = forms.map((form) => form.exec(number)).find(Boolean)
  return parts ? parts.slice(1).join('-') : number
}

/** A time as people say it: today 9:14, yesterday 21:03, 11月3日 8:00. */
export function clock(at: number, now: number, language: Language, say: Say): string {
  const locale = language === 'ja' ? 'ja-JP' : 'en-GB'
  const time = new Date(at).toLocaleTimeString(locale, { hour: 'numeric', minute: '2-digit' })
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000)
  if (days === 0) return say('today', time)
  if (days === 1) return say('yesterday', time)
  return `${new Date(at).toLocaleDateString(locale, { month: 'long', day: 'numeric' })} ${time}`
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0)
}
