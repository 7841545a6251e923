// Where the sign-in page sends those who are signed in, whatever a link asks for: to a page of this origin.
import {check, say, withBrowser, world} from './lib.mjs'
import {signIn} from './steps.mjs'

await withBrowser(async open => {
  const {context, page} = await open()
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', () => { globalThis.hit = 2 }))
  await signIn(page)
  let seen = 0
  for (const text of world.returns) {
    await page.goto(`${world.base}/sign-in?return=${encodeURIComponent(text)}`, {waitUntil: 'commit'})
    await page.waitForURL(url => url.pathname !== '/sign-in', {waitUntil: 'commit'})
    const {origin, hit} = await page.evaluate(() => ({origin: location.origin, hit: globalThis.hit}))
    check(origin === world.base && hit === undefined, `${JSON.stringify(text)} leads to ${page.url()}`)
    seen++
  }
  say({seen})
})
