import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { defineConfig, type Plugin } from 'vite'

/** Tells the service worker which files make up this version, so that all of them are there without a network. */
function listFiles(): Plugin {
  return {
    name: 'list-files',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const worker = bundle['sw.js']
      if (worker?.type !== 'chunk') throw new Error('no service worker was built')
      const built = Object.values(bundle).filter((file) => file !== worker)
      const content = new Map<string, string | Uint8Array>([
        ...built.map((file): [string, string | Uint8Array] => [file.fileName, file.type === 'chunk' ? file.code : file.source]),
        ...readdirSync('public').map((name): [string, Uint8Array] => [name, readFileSync(`public/${name}`)]),
      ])
      const names = [...content.keys()].sort()
      const hash = createHash('sha256').update(worker.code)
      for (const name of names) hash.update(name).update(content.get(name)!)
      const files = { version: hash.digest('hex').slice(0, 12), names: ['./', ...names.filter((name) => name !== 'index.html')] }
      worker.code = `const FILES=${JSON.stringify(files)};${worker.code}`
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [listFiles()],
  build: {
    target: ['chrome111', 'safari16.4', 'firefox128'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      input: { page: 'index.html', sw: 'src/sw.ts' },
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
})
