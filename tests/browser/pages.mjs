// Every page, light and dark, desktop and phone: no serious finding of axe-core, no line wider than the screen; pictures when a folder is named.
import {DESKTOP, PHONE, accessible, check, say, shot, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const looks = [
  {name: 'desktop-light', viewport: DESKTOP, colorScheme: 'light'},
  {name: 'desktop-dark', viewport: DESKTOP, colorScheme: 'dark'},
  {name: 'phone-light', viewport: PHONE, colorScheme: 'light', isMobile: true, hasTouch: true},
  {name: 'phone-dark', viewport: PHONE, colorScheme: 'dark', isMobile: true, hasTouch: true}
]

const KEYS = /(?<![\w./-])(app|ui|nav|search|account|signin|overview|live|event|who|parts|kit|things|groups|certificates?|settings|policies|templates|editor|claims|pairings|hooks|ledger|why|users|people|install)(\.[a-z][\w-]*)+(?<!\.(jsonl?|csv|pem|key))(?![\w.-])/

async function look(page, name, style) {
  const [key] = KEYS.exec(await page.locator('body').innerText()) ?? []
  check(!key, `${name} ${style.name}: a text is missing: ${key}`)
  const {wide, screen} = await page.evaluate(() => ({wide: document.documentElement.scrollWidth, screen: document.documentElement.clientWidth}))
  check(await page.locator('.error-box').count() === 0, `${name} ${style.name}: ${await page.locator('main').innerText()}`)
  check(wide <= screen, `${name} ${style.name}: ${wide} wide on a screen of ${screen}`)
  await accessible(page, `${name} ${style.name}`)
  await shot(page, `${name}-${style.name}`)
}

const test = (page, name) => page.locator(`[data-test="${name}"]`).first()

// What opens above a page: [name, page, how].
const dialogs = [
  ['search', '#/overview', async page => {
    await page.keyboard.press('/')
    await test(page, 'search').fill('lamp')
    await test(page, 'search-all').waitFor()
  }],
  ['keys', '#/settings', page => page.keyboard.press('?')],
  ['account', '#/overview', page => page.locator('.account-button').click()],
  ['thing-create', '#/things', page => test(page, 'thing-create').click()],
  ['thing-delete', `#/things/${encodeURIComponent(world.thing)}`, page => test(page, 'thing-delete').click()],
  ['certificate-create', '#/certificates', page => test(page, 'certificate-create').click()],
  ['claim-create', '#/claims', page => test(page, 'claim-new').click()],
  ['user-create', '#/users', page => test(page, 'user-new').click()]
]

async function opened(page, style) {
  for (const [name, path, open] of dialogs) {
    await go(page, `/console${path}`)
    await open(page)
    await page.locator('dialog[open]').waitFor()
    await page.locator('dialog [aria-busy=true]').first().waitFor({state: 'detached'})
    await look(page, `dialog-${name}`, style)
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({state: 'detached'})
  }
}

// How a pairing goes on, without a device that needs its time for it: the page as it is, told another state.
async function goesOn(page, style) {
  const path = `**/_vouch/pairings/${world.waiting}`
  const names = ['code-shown', 'looked-at', 'approved', 'claim-taken', 'connected', 'certificate-made', 'registered', 'done']
  const at = Date.now() / 1000
  const steps = count => names.map((name, i) => (i < count ? {name, date: at - 8 + i} : {name}))
  const told = {
    'install-vouching': {state: 'CERTIFIED', steps: steps(6), claimExpiration: at + 240},
    'install-done': {state: 'DONE', steps: steps(8), thingName: 'lamp-1', certificateId: '5e'.repeat(32)},
    'install-expired': {state: 'EXPIRED', steps: steps(2)},
    'install-failed': {state: 'FAILED', steps: steps(6), reason: 'template-disabled', message: 'The template is disabled.'}
  }
  for (const [name, state] of Object.entries(told)) {
    await page.route(path, async route => {
      const answer = await route.fetch()
      await route.fulfill({response: answer, json: {...await answer.json(), ...state}})
    })
    await go(page, '/install')
    await go(page, `/install#p=${world.waiting}`)
    await page.locator('.finish, .step.now').first().waitFor()
    if (name === 'install-vouching') check(/^Step 7 of 8: Waiting/.test(await page.locator('[role=status][aria-live=polite]').innerText()), 'how far it is is said')
    await look(page, name, style)
    await page.unrouteAll({behavior: 'ignoreErrors'})
  }
  await go(page, '/install')
  await test(page, 'install-claim').click()
  await test(page, 'install-claim-make').waitFor()
  await look(page, 'install-claim', style)
  await page.getByLabel('Template').selectOption({index: 1}).catch(() => {})
  await test(page, 'install-claim-make').click()
  await test(page, 'install-claim-qr').waitFor()
  await look(page, 'install-claim-qr', style)
}

async function every(open, style, told) {
  const {context, page} = await open({...style, reducedMotion: 'reduce'})
  await page.goto(`${world.base}/sign-in`)
  await page.getByLabel('Password').waitFor()
  await look(page, 'sign-in', style)
  await signIn(page)
  for (const [name, path] of Object.entries(world.pages)) {
    await go(page, path)
    await look(page, name, style)
    told.seen++
  }
  // What is like others, in one look; in all of them for pictures.
  if (world.screenshots || style.name === 'phone-dark') {
    for (const [name, path] of Object.entries(world.more)) {
      await go(page, path)
      await look(page, name, style)
      told.more++
    }
    await opened(page, style)
    await goesOn(page, style)
  }
  await context.close()
}

await withBrowser(async open => {
  const told = {seen: 0, more: 0}
  const left = [...looks]
  const walk = async () => {
    for (let style; (style = left.pop());) await every(open, style, told)
  }
  await Promise.all([walk(), walk()]) // two, as machines have two cores at least
  say(told)
})
