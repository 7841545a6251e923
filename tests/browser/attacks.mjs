// What devices, users and links say, on every page that shows it: it stays text. Nothing of it runs, becomes an element or
// is even tried; what would turn or hide the text beside it can be seen.
import {ask, check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const {evil, link} = world
const shown = name => name + world.shown
let looked = 0

// In every document, before anything of the page.
function watch() {
  globalThis.tries = []
  document.addEventListener('securitypolicyviolation', event => globalThis.tries.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`))
}

const made = () => ({
  hit: globalThis.hit, tries: globalThis.tries,
  elements: [...document.querySelectorAll('img[src="x"], [onerror], [onload], script:not([src^="/assets/"]), iframe, object, embed, base')].map(node => node.outerHTML),
  links: [...document.querySelectorAll('[href], [src], [action]')].map(node => node.href?.baseVal ?? node.href ?? node.src ?? node.action)
    .filter(address => !address.startsWith(`${location.origin}/`) && !/^(blob|data):/.test(address))
})

async function harmless(page, name) {
  const found = await page.evaluate(made)
  check(found.hit === undefined, `${name}: it ran`)
  check(found.tries.length === 0, `${name}: the policy had to stop ${found.tries}`)
  check(found.elements.length === 0, `${name}: made ${found.elements}`)
  check(found.links.length === 0, `${name}: leads to ${found.links}`)
  looked++
}

// All that can be read, also in fields.
const readable = () => [document.body.textContent, ...[...document.querySelectorAll('input, textarea')].map(node => node.value)].join('\n')

async function reads(page, name, text) {
  const until = Date.now() + 15000
  while (true) {
    const all = await page.evaluate(readable)
    if (all.includes(text)) return
    check(Date.now() < until, `${name}: ${text} is not shown in: ${all.slice(0, 3000)}`)
    await page.waitForTimeout(50)
  }
}

// A field holds what it was given, and that escaped in JSON; everything else shows every sign.
async function readsAny(page, name, word) {
  const texts = [shown(word), word + evil, JSON.stringify(word + evil).slice(1, -1)]
  const until = Date.now() + 15000
  while (true) {
    const all = await page.evaluate(readable)
    if (texts.some(text => all.includes(text))) return
    check(Date.now() < until, `${name}: ${word}… is not shown in: ${all.slice(0, 3000)}`)
    await page.waitForTimeout(50)
  }
}

// Tabs, what is folded, and the dialogs behind the buttons of its head; none is answered.
async function everything(page, name) {
  for (const tab of await page.locator('main [role=tab]').all()) {
    await tab.click()
    await page.locator('[aria-busy=true]').first().waitFor({state: 'detached'})
    await harmless(page, `${name}, ${await tab.innerText()}`)
  }
  for (const button of await page.locator('main .page-head .actions button:enabled').all()) {
    await button.click()
    await page.waitForTimeout(80)
    await harmless(page, `${name}, behind a button`)
    if (await page.locator('dialog[open]').count()) await page.keyboard.press('Escape')
  }
}

async function everyPage(page) {
  for (const [name, {path, shows}] of Object.entries(world.pages)) {
    await go(page, `/console#/${path.map(encodeURIComponent).join('/')}`)
    for (const word of shows) await readsAny(page, name, word)
    await harmless(page, name)
    if (path.length > 1) await everything(page, name)
  }
}

// The address is anybody's.
async function addresses(page) {
  const word = encodeURIComponent(evil)
  const texts = [evil, link, '../../evil', '%', '%00', '__proto__', 'constructor', '\u202ecba']
  const names = ['things', 'certificates', 'groups', 'pairings', 'claims', 'templates', 'policies', 'hooks', 'users', 'ledger', 'why']
  for (const text of texts.slice(0, 2)) for (const name of names) {
    await go(page, `/console#/${name}/${encodeURIComponent(text)}`)
    await harmless(page, `${name} ${text}`)
  }
  for (const text of texts) {
    await go(page, `/console#/${text.includes('<') ? encodeURIComponent(text) : text}`)
    await harmless(page, `the page ${text}`)
  }
  for (const hash of [`things?q=${word}`, `ledger?any=${word}&event=${word}&outcome=${word}`, `live?filter=${word}`, `why?any=${word}`,
    `why/explain?principal=${word}&action=${word}&resource=${word}&clientId=${word}`, `search?q=${word}`, `search?q=serial${word}`]) {
    await go(page, `/console#/${hash}`)
    await harmless(page, hash)
  }
  await reads(page, 'search', shown('serial'))
}

// A parameter may be called as one of our own facts is: it stands beside it, not in its place.
async function sameNames(page) {
  await go(page, `/console#/${world.pages.claim.path.join('/')}`)
  await reads(page, 'claim', 'the-real-thing')
  await reads(page, 'claim', 'what-it-says')
}

// What a hook answers, and what is found in a document.
async function answers(page) {
  await go(page, '/console#/hooks/list')
  await page.locator('[data-test=hook-test]').click()
  await page.locator('[data-test=hook-test-go-parameters-name]').fill('SerialNumber')
  await page.locator('[data-test=hook-test-go-parameters-value]').fill(`answered${evil}`)
  await harmless(page, 'a question to a hook')
  await page.locator('button[data-test=hook-test-go]').click()
  await page.locator('[data-test=hook-answer]').waitFor()
  await harmless(page, 'the answer of a hook')
  await go(page, '/console#/policies')
  await page.locator('[data-test=policy-create]').click()
  await page.locator('[data-test=policy-document]').fill(JSON.stringify({Version: '2012-10-17', Statement: [{Effect: evil, [evil]: evil, Action: evil, Resource: evil}]}, null, 2))
  await page.locator('.finding-text').first().waitFor()
  await harmless(page, 'what was found in a policy')
}

async function search(page) {
  await go(page, '/console#/settings')
  await page.keyboard.press('/')
  await page.locator('[data-test=search]').fill(`serial${evil}`)
  await page.locator('dialog .results a').first().waitFor()
  await reads(page, 'the search', shown('serial'))
  await harmless(page, 'the search')
}

async function install(page) {
  for (const hash of [`c=${encodeURIComponent(evil)}&k=${encodeURIComponent(evil)}`, `p=${encodeURIComponent(evil)}`, encodeURIComponent(evil)]) {
    await page.goto('about:blank')
    await page.goto(`${world.base}/install#${hash}`)
    await page.locator('html[data-ready], main h1').first().waitFor({state: 'attached'})
    await harmless(page, `install ${hash}`)
  }
  await page.goto('about:blank')
  await page.goto(`${world.base}/install#c=${world.code}`)
  await page.getByLabel('Template').selectOption('template')
  for (const word of ['serial', 'model', 'suggested', 'parameter']) await reads(page, 'install', shown(word))
  await harmless(page, 'install')
}

// What comes while one looks: rows of the ledger, a client id.
async function live(context) {
  const page = await context.newPage()
  await go(page, '/console#/live')
  await page.locator('[data-test=live-state]').getByText(/live/i).waitFor()
  await ask({act: true})
  await reads(page, 'live', shown('live'))
  await reads(page, 'live', shown('later'))
  await harmless(page, 'live')
}

async function signInPage(page) {
  await page.goto(`${world.base}/sign-in?error=oidc-refused`)
  await reads(page, 'sign-in', 'it was refused there')
  await page.goto(`${world.base}/sign-in?error=${encodeURIComponent(`why${evil}`)}&return=${encodeURIComponent(link)}`)
  await reads(page, 'sign-in', shown('label'))
  check(!(await page.evaluate(readable)).includes('why'), 'words of a link are not said in the name of the server')
  await harmless(page, 'sign-in')
  const address = await page.locator('a.button.big').evaluate(node => node.href)
  check(address === `${world.base}/_vouch/oidc/start?return=%2Fconsole`, `the provider is begun at ${address}`)
  await page.getByLabel('User name').fill(evil)
  await page.getByLabel('Password').fill(evil)
  await page.keyboard.press('Enter')
  await page.locator('.error-box').waitFor()
  await harmless(page, 'sign-in refused')
}

await withBrowser(async open => {
  const {context, page} = await open()
  await context.addInitScript(watch)
  await signInPage(page)
  await signIn(page)
  await everyPage(page)
  await addresses(page)
  await sameNames(page)
  await answers(page)
  await search(page)
  await install(page)
  await live(context)
  say({end: true, looked})
})
