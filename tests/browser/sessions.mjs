// The session: new at every sign-in, out of reach of scripts, nowhere else in the browser, and over when it is over.
import {check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const cookieOf = async context => (await context.cookies()).find(one => one.name === '__Host-vouch')
const kept = () => ({cookie: document.cookie, stores: [localStorage, sessionStorage].flatMap(store => Object.entries(store))})

async function planted(context, page) {
  await context.addCookies([{name: '__Host-vouch', value: world.planted, domain: new URL(world.base).hostname, path: '/', secure: true}])
  await page.goto(`${world.base}/sign-in`)
  await page.waitForURL('**/console') // theirs is good: it is they who are signed in
  await page.getByRole('button', {name: /anybody/}).waitFor()
  await context.clearCookies()
  await context.addCookies([{name: '__Host-vouch', value: 'A'.repeat(43), domain: new URL(world.base).hostname, path: '/', secure: true}])
  await signIn(page)
  const first = await cookieOf(context)
  check(first.value !== 'A'.repeat(43) && first.value !== world.planted, 'what was planted is not the session')
  check(first.httpOnly && first.secure && first.sameSite === 'Strict' && first.path === '/', JSON.stringify(first))
  return first.value
}

async function nothingKept(page, secrets) {
  for (const path of ['/console#/claims', '/console#/settings', '/install']) {
    await go(page, path)
    const {cookie, stores} = await page.evaluate(kept)
    check(cookie === '', `a script reads the cookie ${cookie}`)
    for (const [name, value] of stores) {
      check(/^vouch-/.test(name) && value.length < 2000, `kept: ${name} ${value}`)
      check(!secrets.some(secret => value.includes(secret)), `a secret is kept as ${name}`)
    }
  }
  const others = await page.evaluate(async () => ({
    databases: (await indexedDB.databases?.())?.length ?? 0, caches: await caches.keys().then(list => list.length, () => 0), workers: (await navigator.serviceWorker.getRegistrations()).length
  }))
  check(others.databases + others.caches + others.workers === 0, JSON.stringify(others))
}

// No answer with data may be kept by the browser.
function watchAnswers(context) {
  const wrong = []
  context.on('response', answer => {
    const {pathname} = new URL(answer.url())
    if (pathname.startsWith('/assets/') || ['/console', '/install', '/sign-in', '/ca.pem'].includes(pathname)) return
    if (!/no-store/.test(answer.headers()['cache-control'] ?? '')) wrong.push(pathname)
  })
  return wrong
}

async function signedOut(context, page) {
  await go(page, '/console#/users')
  await page.locator('main').getByText('anybody').first().waitFor()
  const {value} = await cookieOf(context)
  await page.locator('.account-button').click()
  await page.getByRole('button', {name: 'Sign out'}).click()
  await page.waitForURL('**/sign-in')
  check(!await cookieOf(context), 'the cookie is gone')
  for (let i = 0; i < 3; i++) {
    await page.goBack({waitUntil: 'commit'}).catch(() => {})
    await page.getByLabel('User name').waitFor()
    check(new URL(page.url()).pathname === '/sign-in' && !(await page.content()).includes('anybody'), `back: ${page.url()}`)
  }
  return value
}

// A browser may keep a whole page for the Back button, as it was.
async function thawed(page) {
  await go(page, '/console#/users')
  await page.locator('main').getByText('anybody').first().waitFor()
  await page.context().clearCookies()
  const shown = await page.evaluate(() => {
    dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))
    return getComputedStyle(document.documentElement).display
  })
  check(shown === 'none', 'a page that was kept is not shown before it is known who looks')
  await page.getByLabel('User name').waitFor()
}

await withBrowser(async open => {
  const {context, page} = await open()
  const wrong = watchAnswers(context)
  const before = await planted(context, page)
  const {csrfToken} = await page.evaluate(() => fetch('/_vouch/session').then(answer => answer.json()))
  await nothingKept(page, [before, csrfToken, world.password])
  const ended = await signedOut(context, page)
  await signIn(page)
  check((await cookieOf(context)).value !== ended, 'a new session has a new cookie')
  await thawed(page)
  check(wrong.length === 0, `may be kept: ${[...new Set(wrong)]}`)
  say({ended})
})
