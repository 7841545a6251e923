// What the scripts share: Debian's Chromium, a talk with the test over standard input and output, the accessibility check.
import {createInterface} from 'node:readline'
import {mkdirSync, readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {chromium} from 'playwright-core'

export const world = JSON.parse(process.env.VOUCH_WORLD)
export const DESKTOP = {width: 1280, height: 900}
export const PHONE = {width: 390, height: 844}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]()

export function say(word) {
  process.stdout.write(JSON.stringify(word) + '\n')
}

// Says it, and gives what the test answers.
export async function ask(word) {
  say(word)
  const {value, done} = await lines.next()
  if (done) throw new Error(`nobody answers ${JSON.stringify(word)}`)
  return JSON.parse(value)
}

export function check(holds, what) {
  if (!holds) throw new Error(what)
}

// One browser; pages of contexts with no error on their console are all that `use` may open, but for what is not `watched`.
export async function withBrowser(use, flags = []) {
  const browser = await chromium.launch({executablePath: world.chromium, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...flags]})
  const troubles = []
  const open = async ({watched = true, ...options} = {}) => {
    const context = await browser.newContext({ignoreHTTPSErrors: true, viewport: DESKTOP, ...options})
    const page = await context.newPage()
    page.setDefaultTimeout(15000)
    if (!watched) return {context, page}
    page.on('pageerror', error => troubles.push(`${page.url()}: ${error}`))
    page.on('console', message => { if (/Content Security Policy|TrustedHTML/.test(message.text())) troubles.push(`${page.url()}: ${message.text()}`) })
    context.on('request', request => {
      const url = new URL(request.url())
      if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== world.base) troubles.push(`a call to outside: ${url}`)
    })
    return {context, page}
  }
  try {
    await use(open, browser)
    check(troubles.length === 0, troubles.join('\n'))
  } finally {
    await browser.close()
    process.stdin.destroy()
  }
}

// Serious and critical findings of axe-core; none is wanted. Puppeteer-style evaluation is not subject to the page's CSP.
export async function accessible(page, name) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => globalThis.axe.run(document, {resultTypes: ['violations']}))
  const bad = found.violations.filter(v => ['serious', 'critical'].includes(v.impact))
  check(bad.length === 0, `${name}: ` + bad.map(v => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html).join(' ')}`).join('\n'))
}

// Into the folder that ./test --screenshots names.
export async function shot(page, name) {
  if (!world.screenshots) return
  mkdirSync(world.screenshots, {recursive: true})
  const view = page.viewportSize()
  const height = await page.evaluate(() => document.documentElement.scrollHeight)
  await page.setViewportSize({...view, height: Math.max(view.height, height)}) // what sticks to an edge sticks to the picture's
  await page.screenshot({path: `${world.screenshots}/${name}.png`})
  await page.setViewportSize(view)
}
