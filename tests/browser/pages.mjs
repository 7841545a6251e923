// Every page, light and dark, desktop and phone: no serious finding of axe-core, no line wider than the screen; pictures when a folder is named.
import {DESKTOP, PHONE, accessible, check, say, shot, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const looks = [
  {name: 'desktop-light', viewport: DESKTOP, colorScheme: 'light'},
  {name: 'desktop-dark', viewport: DESKTOP, colorScheme: 'dark'},
  {name: 'phone-light', viewport: PHONE, colorScheme: 'light', isMobile: true, hasTouch: true},
  {name: 'phone-dark', viewport: PHONE, colorScheme: 'dark', isMobile: true, hasTouch: true}
]

async function look(page, name, style) {
  const {wide, screen} = await page.evaluate(() => ({wide: document.documentElement.scrollWidth, screen: document.documentElement.clientWidth}))
  check(await page.locator('.error-box').count() === 0, `${name} ${style.name}: ${await page.locator('main').innerText()}`)
  check(wide <= screen, `${name} ${style.name}: ${wide} wide on a screen of ${screen}`)
  await accessible(page, `${name} ${style.name}`)
  await shot(page, `${name}-${style.name}`)
}

await withBrowser(async open => {
  let seen = 0
  for (const style of looks) {
    const {context, page} = await open({...style, reducedMotion: 'reduce'})
    await page.goto(`${world.base}/sign-in`)
    await page.getByLabel('Password').waitFor()
    await look(page, 'sign-in', style)
    await signIn(page)
    for (const [name, path] of Object.entries(world.pages)) {
      await go(page, path)
      await look(page, name, style)
      seen++
    }
    await context.close()
  }
  say({seen})
})
